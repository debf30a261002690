# %% [markdown]
# # Look at a bundle
# Name a bundle in the variable EDGEWISE_BUNDLE, or take the one of the tutorial.

# %%
import os
from pathlib import Path

import edgewise

folder = Path(os.environ.get("EDGEWISE_BUNDLE", "dist/mobilenetv2-tflite-w8a8"))
classifier = edgewise.open_bundle(folder)
bundle = classifier.bundle
print(bundle.name, bundle.target, bundle.precision, len(classifier.labels), "classes")

# %% [markdown]
# ## What does it see?

# %%
image = folder / "golden" / "image.png"
for answer in classifier.predict(image, top=3)[0]:
    print(f"{answer.probability:6.1%} {answer.label}")

# %% [markdown]
# ## What is in the file?

# %%
structure = edgewise.inspect(folder).structure
print(f"{structure.size_bytes / 1e6:.2f} MB, {structure.precision}")
for operator in structure.operators:
    print(f"{operator.count:4} {operator.type:24} {operator.arithmetic}")

# %% [markdown]
# ## Does it still follow its float model on this machine?

# %%
found = edgewise.verify(folder, min_agreement=0.5, progress=edgewise.progress())
verification = found.verification
assert verification is not None
print(f"{verification.verdict}: {verification.reason()}")
print(f"SQNR {verification.agreement.sqnr_db:.1f} dB, cosine {verification.agreement.cosine:.4f}")

# %% [markdown]
# ## How do its files differ?

# %%
matrix = edgewise.compare(folder, torch=False, count=50)
for pair in matrix.pairs:
    print(f"{pair.reference} and {pair.candidate}: {pair.top1:.1%} alike, SQNR {pair.sqnr_db:.1f} dB")
