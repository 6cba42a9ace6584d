"""Makes an int8 network of a float one with ONNX Runtime's static quantiser. usage: quantise.py IN OUT IMAGES

Operators in QDQ form, weights s8 by output channel, activations u8; IMAGES are raw f32 and calibrate it.
"""

import sys

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

source, target, images = sys.argv[1:]
given = onnx.load(source).graph.input[0]
shape = [1] + [d.dim_value for d in given.type.tensor_type.shape.dim][1:]


class Reader(CalibrationDataReader):
    def __init__(self):
        self.rest = list(np.fromfile(images, np.float32).reshape([-1] + shape))

    def get_next(self):
        return {given.name: self.rest.pop()} if self.rest else None


quantize_static(
    source, target, Reader(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, per_channel=True
)
