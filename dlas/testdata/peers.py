# Runs networks elsewhere, for tests that compare: peers.py onnx|check|kept|tflite|reference MODEL INPUTS OUTPUTS. INPUTS holds images one
# after the other, f32, each of the first input's shape; OUTPUTS gets the first output of each, f32. MODEL may
# be several TFLite files with commas between.
import sys
import numpy as np


def onnx(model, images, without=()):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    # Without the fusions that reorder sums beyond what a definition allows nothing is gained here; all are left on.
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(without))
    (x,) = session.get_inputs()
    shape = [d if isinstance(d, int) else 1 for d in x.shape]
    count = images.size // int(np.prod(shape))
    if not isinstance(x.shape[0], int) and count % 50 == 0:
        shape[0] = 50  # most of a small network's time is that of the call
    for batch in images.reshape([-1] + shape):
        yield session.run(None, {x.name: batch})[0]


def check(model, images):
    import onnx as format
    format.checker.check_model(model, full_check=True)
    return onnx(model, images)


def kept(model, images):
    return onnx(model, images, ["WeightBiasQuantization"])


def tflite(model, images):
    from ai_edge_litert.interpreter import Interpreter
    parts = [Interpreter(model_path=path, num_threads=2) for path in model.split(",")]  # one after the other
    for run in parts:
        run.allocate_tensors()
    (x,), (y,) = parts[0].get_input_details(), parts[-1].get_output_details()
    shape = list(x["shape"])
    least = {"int8": -128, "uint8": 0}.get(np.dtype(x["dtype"]).name)
    for image in images.reshape([-1] + shape):  # pixels 0..255, channels last
        if least is not None:
            image = (image + least).astype(x["dtype"])
        out = image.astype(x["dtype"])
        for run in parts:
            run.set_tensor(run.get_input_details()[0]["index"], out)
            run.invoke()
            out = run.get_tensor(run.get_output_details()[0]["index"])
        if least is not None:
            scale, zero = y["quantization"]
            out = (out.astype(np.float32) - zero) * np.float32(scale)
        yield out


def reference(model, images):
    # The reference kernels: what goes into the softmax at the end, where there is one, and then the output.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    run = Interpreter(model_path=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, experimental_preserve_all_tensors=True)
    run.allocate_tensors()
    (x,), (y,) = run.get_input_details(), run.get_output_details()
    wanted, last = [y], run._get_ops_details()[-1]
    if last["op_name"] == "SOFTMAX":
        wanted = [t for t in run.get_tensor_details() if t["index"] == last["inputs"][0]] + wanted
    least = {"int8": -128, "uint8": 0}[np.dtype(x["dtype"]).name]
    for image in images.reshape([-1] + list(x["shape"])):
        run.set_tensor(x["index"], (image + least).astype(x["dtype"]))
        run.invoke()
        for t in wanted:
            scale, zero = t["quantization"]
            yield (run.get_tensor(t["index"]).astype(np.float32) - zero) * np.float32(scale)


kind, model, inputs, outputs = sys.argv[1:]
images = np.fromfile(inputs, dtype="<f4")
with open(outputs, "wb") as f:
    for out in {"onnx": onnx, "check": check, "kept": kept, "tflite": tflite, "reference": reference}[kind](model, images):
        f.write(np.ascontiguousarray(out, dtype="<f4").tobytes())
