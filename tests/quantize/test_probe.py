import numpy as np
from edgewise.runtime.tflite import structure, layer_outputs, TfliteSession
from edgewise.runtime.stats import agreement
from edgewise.runtime.reference import TorchSession
def test_it(tiny_network, tiny_graph, tiny_float, tiny_int8, tiny_pictures, tiny_refined, capsys):
    with capsys.disabled():
        a = TorchSession(tiny_network)(tiny_pictures)
        print(a[:4], np.bincount(a.argmax(1)))
        f = TfliteSession(tiny_float.path, 1)(tiny_pictures)
        print(np.abs(f-a).max())
        print(structure(tiny_float.path))
        print({k:v[0] for k,v in layer_outputs(tiny_float.path, tiny_pictures[:1]).items()})
        print(tiny_refined.equalized_groups, tiny_refined.corrected_layers)
        for io, art in tiny_int8.items():
            s = TfliteSession(art.path, 1)
            print(io, structure(art.path), agreement(f, s(tiny_pictures)), s.output_step, art.details, art.source)
        print({k:v[0] for k,v in layer_outputs(tiny_int8['int8'].path, tiny_pictures[:1]).items()})
