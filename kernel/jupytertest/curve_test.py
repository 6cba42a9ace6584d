"""CurveZMQ against libzmq's own: the real jupyter_client that requires encryption, and pyzmq with wrong keys."""

import json
import time
import unittest

import zmq
from client import TIMEOUT, start


def stop(km, kc):
    kc.stop_channels()
    km.shutdown_kernel(now=True)


def printed(kc, code, **options):
    """Runs code; returns what it has printed, and the reply's status."""
    out = []

    def hook(msg):
        if msg["msg_type"] == "stream":
            out.append(msg["content"]["text"])

    reply = kc.execute_interactive(code, timeout=TIMEOUT, output_hook=hook, **options)
    return "".join(out), reply["content"]["status"]


class Curve(unittest.TestCase):
    def check(self, transport):
        km, kc = start(transport_encryption="required", transport=transport)
        try:
            with open(km.connection_file) as f:
                file = json.load(f)
            self.assertEqual(len(file["curve_secretkey"]), 40)
            self.assertEqual(printed(kc, 'import "fmt"\nfmt.Println("hidden")'), ("hidden\n", "ok"))
            # messages in one frame, in many, short and long, both ways
            big = "x" * 3_000_000
            self.assertEqual(printed(kc, f'fmt.Print(len("{big}"))'), ("3000000", "ok"))
            text, status = printed(kc, 'import "strings"\nfmt.Print(strings.Repeat("y", 1_500_000))')
            self.assertEqual((len(text), status), (1_500_000, "ok"))
            # the other channels
            kc.control_channel.send(kc.session.msg("kernel_info_request"))
            self.assertEqual(kc.get_control_msg(timeout=TIMEOUT)["msg_type"], "kernel_info_reply")
            self.assertEqual(
                printed(
                    kc,
                    'name, _ := display.Input("name? ")\nfmt.Print(name)',
                    allow_stdin=True,
                    stdin_hook=lambda msg: kc.input("me"),
                ),
                ("me", "ok"),
            )
            kc.hb_channel.unpause()
            beats = 0
            for _ in range(TIMEOUT * 10):
                beats = beats + 1 if kc.hb_channel.is_beating() else 0
                if beats >= 15:  # longer than a ping may take
                    break
                time.sleep(0.1)
            self.assertGreaterEqual(beats, 15)
            # restarted with the same keys
            km.restart_kernel(now=True)
            kc.wait_for_ready(timeout=TIMEOUT)
            self.assertEqual(printed(kc, 'import "fmt"\nfmt.Println("again")'), ("again\n", "ok"))
        finally:
            stop(km, kc)

    def test_tcp(self):
        self.check("tcp")

    def test_ipc(self):
        self.check("ipc")

    def test_auto(self):
        km, kc = start(transport_encryption="auto")
        try:
            self.assertIsNotNone(km.curve_publickey)  # so the kernelspec announces it
            self.assertEqual(printed(kc, 'import "fmt"\nfmt.Println("a")'), ("a\n", "ok"))
        finally:
            stop(km, kc)

    def test_who_may_not_connect(self):
        km, kc = start(transport_encryption="required")
        ctx = zmq.Context()
        self.addCleanup(ctx.destroy, 0)
        try:
            wrong, _ = zmq.curve_keypair()
            for name, server in (("plain", None), ("wrong key", wrong), ("any client's key", km.curve_publickey)):
                s = ctx.socket(zmq.SUB)
                s.subscribe(b"")
                if server is not None:
                    s.curve_publickey, s.curve_secretkey = zmq.curve_keypair()
                    s.curve_serverkey = server
                s.connect(f"tcp://127.0.0.1:{km.iopub_port}")
                welcomed = s.poll(TIMEOUT * 1000 if name == "any client's key" else 1000)
                self.assertEqual(bool(welcomed), name == "any client's key", name)
                s.close(0)
            self.assertEqual(printed(kc, 'import "fmt"\nfmt.Println("on")'), ("on\n", "ok"))
        finally:
            stop(km, kc)


if __name__ == "__main__":
    unittest.main()
