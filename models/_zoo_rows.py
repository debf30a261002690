"""The table of architectures: the library that builds each one, and its published figures.

Parameters are in millions, multiply-accumulates in billions (10^9), top-1 in percent on ImageNet's validation
set. Figures come from the paper, unless it has none for this exact network; a comment above the row then
names the source.
"""

from typing import Any, TypeAlias

# name, title, builder (torchvision's, or library:builder), its options,
# size, year, paper, parameters, MACs, top-1
Row: TypeAlias = tuple[str, str, str, dict[str, Any], int, int, str | None, float, float, float]

# fmt: off
ROWS: tuple[Row, ...] = (
    # All figures are torchvision's: this is the second, single-column AlexNet.
    ("alexnet", "AlexNet", "alexnet", {}, 224, 2014, "1404.5997", 61.1, 0.714, 56.5),
    # Top-1 is torchvision's: the paper evaluates densely over each picture.
    ("vgg11", "VGG-11", "vgg11", {}, 224, 2014, "1409.1556", 133, 7.61, 69.0),
    ("vgg11bn", "VGG-11 BN", "vgg11_bn", {}, 224, 2014, "1409.1556", 133, 7.61, 70.4),
    ("vgg16", "VGG-16", "vgg16", {}, 224, 2014, "1409.1556", 138, 15.5, 71.6),
    ("vgg16bn", "VGG-16 BN", "vgg16_bn", {}, 224, 2014, "1409.1556", 138, 15.5, 73.4),
    ("vgg19", "VGG-19", "vgg19", {}, 224, 2014, "1409.1556", 144, 19.6, 72.4),
    ("vgg19bn", "VGG-19 BN", "vgg19_bn", {}, 224, 2014, "1409.1556", 144, 19.6, 74.2),
    # Both without auxiliary heads (Inception-v3 has 27.2 M with them). GoogLeNet's figures are torchvision's.
    ("googlenet", "GoogLeNet", "googlenet", {}, 224, 2014, "1409.4842", 6.62, 1.50, 69.8),
    ("inceptionv3", "Inception-v3", "inception_v3", {}, 299, 2015, "1512.00567", 24, 5.7, 78.8),
    # MACs and top-1 are torchvision's, V1 weights: the paper has other strides and uses ten crops.
    ("resnet18", "ResNet-18", "resnet18", {}, 224, 2015, "1512.03385", 11.7, 1.81, 69.8),
    ("resnet34", "ResNet-34", "resnet34", {}, 224, 2015, "1512.03385", 21.8, 3.66, 73.3),
    ("resnet50", "ResNet-50", "resnet50", {}, 224, 2015, "1512.03385", 25.6, 4.1, 76.1),
    ("resnet101", "ResNet-101", "resnet101", {}, 224, 2015, "1512.03385", 44.5, 7.80, 77.4),
    ("resnet152", "ResNet-152", "resnet152", {}, 224, 2015, "1512.03385", 60.2, 11.6, 78.3),
    # MACs are timm's, for the same reason.
    ("seresnet50", "SE-ResNet-50", "timm:seresnet50", {}, 224, 2017, "1709.01507", 28.1, 4.11, 76.7),
    ("densenet121", "DenseNet-121", "densenet121", {}, 224, 2016, "1608.06993", 8.0, 2.9, 75.0),
    ("densenet169", "DenseNet-169", "densenet169", {}, 224, 2016, "1608.06993", 14.1, 3.4, 76.2),
    ("densenet201", "DenseNet-201", "densenet201", {}, 224, 2016, "1608.06993", 20.0, 4.3, 77.4),
    # Figures with two decimals come from the authors' repository, tensorflow/models.
    ("mobilenetv1", "MobileNetV1", "timm:mobilenetv1_100", {}, 224, 2017, "1704.04861", 4.24, 0.569, 70.6),
    ("mobilenetv1_075", "MobileNetV1 0.75", "timm:mobilenetv1_100", {"channel_multiplier": 0.75},
     224, 2017, "1704.04861", 2.59, 0.325, 68.4),
    ("mobilenetv1_050", "MobileNetV1 0.5", "timm:mobilenetv1_100", {"channel_multiplier": 0.5},
     224, 2017, "1704.04861", 1.34, 0.149, 63.7),
    ("mobilenetv1_025", "MobileNetV1 0.25", "timm:mobilenetv1_100", {"channel_multiplier": 0.25},
     224, 2017, "1704.04861", 0.47, 0.041, 50.6),
    # All figures except those of width 1 come from that repository: the paper has 6.9 M for width 1.4, and no
    # top-1 for the narrower networks.
    ("mobilenetv2", "MobileNetV2", "mobilenet_v2", {}, 224, 2018, "1801.04381", 3.5, 0.30, 72.0),
    ("mobilenetv2_140", "MobileNetV2 1.4", "mobilenet_v2", {"width_mult": 1.4},
     224, 2018, "1801.04381", 6.06, 0.582, 75.0),
    ("mobilenetv2_075", "MobileNetV2 0.75", "mobilenet_v2", {"width_mult": 0.75},
     224, 2018, "1801.04381", 2.61, 0.209, 69.8),
    ("mobilenetv2_050", "MobileNetV2 0.5", "mobilenet_v2", {"width_mult": 0.5},
     224, 2018, "1801.04381", 1.95, 0.097, 65.4),
    ("mobilenetv2_035", "MobileNetV2 0.35", "mobilenet_v2", {"width_mult": 0.35},
     224, 2018, "1801.04381", 1.66, 0.059, 60.3),
    ("mobilenetv3small", "MobileNetV3-Small", "mobilenet_v3_small", {},
     224, 2019, "1905.02244", 2.5, 0.056, 67.4),
    ("mobilenetv3large", "MobileNetV3-Large", "mobilenet_v3_large", {},
     224, 2019, "1905.02244", 5.4, 0.219, 75.2),
    # MACs as counted by torch: the paper and timm round to 0.2 and 0.19.
    ("mobilenetv4small", "MobileNetV4-Small", "timm:mobilenetv4_conv_small", {},
     224, 2024, "2404.10518", 3.8, 0.186, 73.8),
    # B2 as in torchvision, for larger pictures than in the paper. MACs of B4 and B5 are also torchvision's:
    # the paper has 4.2 and 9.9, 3 % less.
    ("efficientnetb0", "EfficientNet-B0", "efficientnet_b0", {}, 224, 2019, "1905.11946", 5.3, 0.39, 77.1),
    ("efficientnetb1", "EfficientNet-B1", "efficientnet_b1", {}, 240, 2019, "1905.11946", 7.8, 0.70, 79.1),
    ("efficientnetb2", "EfficientNet-B2", "efficientnet_b2", {}, 288, 2019, "1905.11946", 9.1, 1.09, 80.6),
    ("efficientnetb3", "EfficientNet-B3", "efficientnet_b3", {}, 300, 2019, "1905.11946", 12, 1.8, 81.6),
    ("efficientnetb4", "EfficientNet-B4", "efficientnet_b4", {}, 380, 2019, "1905.11946", 19, 4.39, 82.9),
    ("efficientnetb5", "EfficientNet-B5", "efficientnet_b5", {}, 456, 2019, "1905.11946", 30, 10.3, 83.6),
    ("efficientnetb6", "EfficientNet-B6", "efficientnet_b6", {}, 528, 2019, "1905.11946", 43, 19, 84.0),
    ("efficientnetb7", "EfficientNet-B7", "efficientnet_b7", {}, 600, 2019, "1905.11946", 66, 37, 84.3),
    # MACs are torchvision's; the paper has 8.8.
    ("efficientnetv2s", "EfficientNetV2-S", "efficientnet_v2_s", {},
     384, 2021, "2104.00298", 21.5, 8.37, 83.9),
    # No paper. Parameters and top-1 come from the authors' repository, tensorflow/tpu. Its MACs are 3 to 6 %
    # above these, which come from d-li14/efficientnet-lite.pytorch. timm uses larger pictures for 3 and 4.
    ("efficientnetlite0", "EfficientNet-Lite0", "timm:tf_efficientnet_lite0", {},
     224, 2020, None, 4.7, 0.385, 75.1),
    ("efficientnetlite1", "EfficientNet-Lite1", "timm:tf_efficientnet_lite1", {},
     240, 2020, None, 5.4, 0.600, 76.7),
    ("efficientnetlite2", "EfficientNet-Lite2", "timm:tf_efficientnet_lite2", {},
     260, 2020, None, 6.1, 0.860, 77.6),
    ("efficientnetlite3", "EfficientNet-Lite3", "timm:tf_efficientnet_lite3", {},
     280, 2020, None, 8.2, 1.383, 79.8),
    ("efficientnetlite4", "EfficientNet-Lite4", "timm:tf_efficientnet_lite4", {},
     300, 2020, None, 13.0, 2.553, 81.5),
    # Parameters are torchvision's: the paper rounds 1.37 to 1.4.
    ("shufflenetv2", "ShuffleNetV2", "shufflenet_v2_x1_0", {}, 224, 2018, "1807.11164", 2.28, 0.146, 69.4),
    ("shufflenetv2_050", "ShuffleNetV2 0.5", "shufflenet_v2_x0_5", {},
     224, 2018, "1807.11164", 1.37, 0.041, 60.3),
    # The variant without squeeze-and-excitation (B1), not in the paper: torchvision's figures.
    ("mnasnet", "MNASNet", "mnasnet1_0", {}, 224, 2018, "1807.11626", 4.38, 0.314, 73.5),
    ("mnasnet_050", "MNASNet 0.5", "mnasnet0_5", {}, 224, 2018, "1807.11626", 2.22, 0.104, 67.7),
    # MACs of both, and all figures of 1.1, are torchvision's.
    ("squeezenet1_0", "SqueezeNet 1.0", "squeezenet1_0", {}, 224, 2016, "1602.07360", 1.25, 0.819, 57.5),
    ("squeezenet1_1", "SqueezeNet 1.1", "squeezenet1_1", {}, 224, 2016, "1602.07360", 1.24, 0.349, 58.2),
    # torchvision's figures, V1 weights: the paper's X has 5.2 M parameters.
    ("regnetx400mf", "RegNetX-400MF", "regnet_x_400mf", {}, 224, 2020, "2003.13678", 5.50, 0.414, 72.8),
    ("regnety400mf", "RegNetY-400MF", "regnet_y_400mf", {}, 224, 2020, "2003.13678", 4.34, 0.402, 74.0),
    ("convnexttiny", "ConvNeXt-Tiny", "convnext_tiny", {}, 224, 2022, "2201.03545", 29, 4.5, 82.1),
    ("convnextsmall", "ConvNeXt-Small", "convnext_small", {}, 224, 2022, "2201.03545", 50, 8.7, 83.1),
    # torchvision's figures, trained on ImageNet only: the paper pre-trains on more data.
    ("vitb16", "ViT-B/16", "vit_b_16", {}, 224, 2020, "2010.11929", 86.6, 17.6, 81.1),
    # Parameters and MACs are timm's: the paper rounds to 5 M.
    ("deittiny", "DeiT-Tiny", "timm:deit_tiny_patch16_224", {}, 224, 2020, "2012.12877", 5.72, 1.26, 72.2),
)
# fmt: on
