"""The debugger before Jupyter's own client: debug requests on the control channel, events on iopub."""

import unittest

from client import TIMEOUT, reply_to, start

CELL = """func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}
depth := 4
fib(depth)"""


class Debugger(unittest.TestCase):
    def setUp(self):
        self.km, self.kc = start()
        self.addCleanup(self.km.shutdown_kernel, now=True)
        self.addCleanup(self.kc.stop_channels)
        self.seq = 0

    def ask(self, command, **arguments):
        """The response to a request, which must come whatever the shell does."""
        self.seq += 1
        content = {"type": "request", "seq": self.seq, "command": command, "arguments": arguments}
        msg = self.kc.session.msg("debug_request", content)
        self.kc.control_channel.send(msg)
        while True:
            reply = self.kc.get_control_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == msg["header"]["msg_id"]:
                break
        self.assertEqual(reply["header"]["msg_type"], "debug_reply")
        self.assertEqual((reply["content"]["type"], reply["content"]["command"], reply["content"]["request_seq"]), ("response", command, self.seq))
        return reply["content"]

    def get(self, command, **arguments):
        r = self.ask(command, **arguments)
        self.assertTrue(r["success"], r.get("message"))
        return r["body"]

    def event(self, name):
        while True:
            msg = self.kc.get_iopub_msg(timeout=TIMEOUT)
            if msg["header"]["msg_type"] == "debug_event" and msg["content"]["event"] == name:
                return msg["content"]["body"]

    def stopped(self):
        thread = self.event("stopped")["threadId"]
        return thread, self.get("stackTrace", threadId=thread)["stackFrames"]

    def start(self, *lines, **more):
        self.get("initialize", clientID="test-client", adapterID="godlas", linesStartAt1=True, columnsStartAt1=True)
        self.get("attach")
        self.event("initialized")
        path = self.get("dumpCell", code=CELL)["sourcePath"]
        set_ = self.get("setBreakpoints", source={"path": path}, breakpoints=[{"line": n, **more} for n in lines], sourceModified=False)
        self.get("configurationDone")
        return path, set_["breakpoints"]

    def test_feature(self):
        info = reply_to(self.kc, self.kc.kernel_info())
        self.assertIn("debugger", info["supported_features"])
        self.assertIs(info["debugger"], True)
        self.assertIs(self.km.kernel_spec.metadata["debugger"], True)

    def test_conversation(self):
        from ipykernel.compiler import murmur2_x86

        info = self.get("debugInfo")
        self.assertEqual((info["isStarted"], info["breakpoints"], info["stoppedThreads"]), (False, [], []))
        path, points = self.start(3)
        name = f"{info['tmpFilePrefix']}{murmur2_x86(CELL, info['hashSeed'])}{info['tmpFileSuffix']}"
        self.assertEqual(path, name)
        self.assertEqual([(p["verified"], p["line"]) for p in points], [(True, 3)])
        msg_id = self.kc.execute(CELL)
        thread, frames = self.stopped()
        self.assertEqual([f["name"] for f in frames], ["fib", "fib", "fib", "fib", "cell"])
        self.assertEqual((frames[0]["line"], frames[0]["source"]["path"], frames[-1]["line"]), (3, path, 8))
        scopes = self.get("scopes", frameId=frames[0]["id"])["scopes"]
        variables = self.get("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
        self.assertEqual([(v["name"], v["value"], v["type"]) for v in variables], [("n", "1", "int")])
        self.assertEqual(self.get("evaluate", expression="n*100", frameId=frames[1]["id"])["result"], "200")
        self.assertEqual(self.get("source", source={"path": path})["content"], CELL)
        self.get("next", threadId=thread)
        self.event("continued")
        _, frames = self.stopped()
        self.assertEqual((frames[0]["name"], frames[0]["line"], len(frames)), ("fib", 5, 4))
        self.get("setBreakpoints", source={"path": path}, breakpoints=[])
        self.get("continue", threadId=thread)
        self.assertEqual(reply_to(self.kc, msg_id)["status"], "ok")
        self.get("disconnect", restart=False, terminateDebuggee=False)
        self.assertFalse(self.get("debugInfo")["isStarted"])

    def test_interrupt_while_stopped(self):
        self.start(2)
        msg_id = self.kc.execute(CELL)
        self.stopped()
        self.km.interrupt_kernel()
        self.assertEqual(reply_to(self.kc, msg_id)["status"], "error")
        self.assertEqual(self.get("debugInfo")["stoppedThreads"], [])

    def test_variables_without_a_stop(self):
        reply_to(self.kc, self.kc.execute('answer := 42; names := map[string]int{"b": 2, "a": 1}'))
        variables = {v["name"]: v for v in self.get("inspectVariables")["variables"]}
        self.assertEqual(variables["answer"]["value"], "42")
        inside = self.get("variables", variablesReference=variables["names"]["variablesReference"])["variables"]
        self.assertEqual([(v["name"], v["value"]) for v in inside], [('"a"', "1"), ('"b"', "2")])
        self.assertEqual(self.get("richInspectVariables", variableName="answer")["data"]["text/plain"], "42")

    def test_condition(self):
        self.start(2, condition="n == 0", hitCondition="2")
        msg_id = self.kc.execute(CELL)
        _, frames = self.stopped()
        scopes = self.get("scopes", frameId=frames[0]["id"])["scopes"]
        variables = self.get("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
        self.assertEqual([(v["name"], v["value"]) for v in variables], [("n", "0")])
        self.get("disconnect")
        self.assertEqual(reply_to(self.kc, msg_id)["status"], "ok")


if __name__ == "__main__":
    unittest.main()
