"""Makes an int8 network of a float one with ONNX Runtime's static quantiser. usage: quantise.py IN OUT INPUTS

Operators in QDQ form, weights s8 by output channel, activations u8; INPUTS are raw f32 images that calibrate it.
"""

import os
import sys
import tempfile

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Images(CalibrationDataReader):
    def __init__(self, name, shape, raw):
        self.rest = [{name: image[None]} for image in np.frombuffer(raw, np.float32).reshape([-1] + shape)]

    def get_next(self):
        return self.rest.pop() if self.rest else None


def main():
    source, target, inputs = sys.argv[1:]
    given = onnx.load(source, load_external_data=False).graph.input[0]
    shape = [d.dim_value for d in given.type.tensor_type.shape.dim][1:]
    with open(inputs, "rb") as f:
        images = Images(given.name, shape, f.read())
    with tempfile.TemporaryDirectory() as folder:
        folded = os.path.join(folder, "folded.onnx")
        quant_pre_process(source, folded, skip_symbolic_shape=True)
        quantize_static(
            folded,
            target,
            images,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
        )


main()
