"""One engine and one model in a process of its own, timed inside it. usage: peer.py ENGINE MODEL THREADS BATCH INPUT

INPUT is the raw elements of the model's input. Requests and answers are lines of JSON, as worker.go has them.
"""

import importlib
import json
import sys
import time

import numpy as np


def onnxruntime_call(ort, model, threads, batch, raw):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    types = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8}
    options.add_free_dimension_override_by_name("N", batch)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    given = session.get_inputs()[0]
    kind = types[given.type]
    x = ort.OrtValue.ortvalue_from_numpy(np.frombuffer(raw, kind).reshape(shape_of(given.shape, batch)))
    binding.bind_ortvalue_input(given.name, x)
    name = session.get_outputs()[0].name
    binding.bind_output(name)
    session.run_with_iobinding(binding)
    y = binding.get_outputs()[0]
    binding.bind_ortvalue_output(name, y)
    run = session.run_with_iobinding
    return lambda: run(binding), y.numpy


def openvino_call(ov, model, threads, batch, raw):
    core = ov.Core()
    net = core.read_model(model)
    given = net.inputs[0]
    kind = given.get_element_type().to_dtype()
    shape = shape_of([d.get_length() if d.is_static else 0 for d in given.get_partial_shape()], batch)
    net.reshape({given: shape})
    compiled = core.compile_model(
        net,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        },
    )
    request = compiled.create_infer_request()
    x = np.frombuffer(raw, kind).reshape(shape).copy()
    given = ov.Tensor(x, shared_memory=True)
    request.set_input_tensor(given)

    def call(kept=(compiled, x, given)):  # the request itself does not keep the memory of its input
        # Without the wrapper's dictionary of results.
        ov._pyopenvino.InferRequest.infer(request, {}, True, True)

    return call, lambda: request.get_output_tensor().data


def litert_call(litert, model, threads, batch, raw):
    net = litert.Interpreter(model_path=model, num_threads=threads)
    net.allocate_tensors()
    given, made = net.get_input_details()[0], net.get_output_details()[0]
    net.set_tensor(given["index"], np.frombuffer(raw, given["dtype"]).reshape(given["shape"]))
    return net.invoke, lambda: net.get_tensor(made["index"])


def shape_of(shape, batch):
    """The shape with its first axis, which the model may leave open."""
    return [batch] + list(shape[1:])


def memory(key):
    """Bytes that the process has or had at most."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith(key + ":"))


def blocks(call, output):
    clock = time.perf_counter_ns
    for line in sys.stdin:
        q = json.loads(line)
        if q["op"] == "output":
            print(json.dumps({"out": [float(v) for v in np.asarray(output()).reshape(-1)]}), flush=True)
            continue
        end = clock() + q["warm"]
        call()
        while clock() < end:
            call()
        took, end = [], clock() + q["for"]
        while True:
            a = clock()
            call()
            b = clock()
            took.append(b - a)
            if b > end and len(took) >= q["least"]:
                break
        print(json.dumps({"ns": took}), flush=True)


def main():
    engine, model, threads, batch, given = sys.argv[1:]
    with open(given, "rb") as f:
        raw = f.read()
    make, module = {
        "onnxruntime": (onnxruntime_call, "onnxruntime"),
        "openvino": (openvino_call, "openvino"),
        "litert": (litert_call, "ai_edge_litert.interpreter"),
    }[engine]
    module = importlib.import_module(module)
    before, begun = memory("VmRSS"), time.perf_counter_ns()
    call, output = make(module, model, int(threads), int(batch), raw)
    call()
    ready = time.perf_counter_ns() - begun
    print(json.dumps({"ready": ready, "before": before, "peak": memory("VmHWM")}), flush=True)
    blocks(call, output)


main()
