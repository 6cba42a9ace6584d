"""The installed kernel before Jupyter's own test suite for kernels, jupyter_kernel_test."""

import unittest

import jupyter_kernel_test as jkt

NAME = "godlas"


class Kernel(jkt.KernelTests):
    kernel_name = NAME
    language_name = "go"
    file_extension = ".go"

    code_hello_world = 'fmt.Println("hello, world")'
    code_stderr = 'fmt.Fprintln(os.Stderr, "to stderr")'
    completion_samples = [
        {"text": "fmt.Printl", "matches": {"Println"}},
        {"text": "strings.ToUpperS", "matches": {"ToUpperSpecial"}},
        {"text": "%lsm", "matches": {"%lsmagic"}},
    ]
    complete_code_samples = ["1 + 1", "x := []int{1, 2, 3}", 'func f() string {\n\treturn "}"\n}', "%lsmagic", "// only a comment"]
    incomplete_code_samples = ["func f() {", "x := []int{", "fmt.Println(1,", "s := `raw", "for i := range 3 {\n\tfmt.Println(i)", "1 +"]
    invalid_code_samples = ["x := )", "func f(})", "for in range 3 {}"]
    code_page_something = "fmt.Println?"
    code_generate_error = 'panic("at the disco")'
    code_execute_result = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": '"a" + "b"', "result": "ab"},
        {"code": "[]int{1, 2}", "result": "[1 2]"},
    ]
    code_display_data = [
        {"code": 'display.HTML("<b>bold</b>")', "mime": "text/html"},
        {"code": 'display.HTML("<b>bold</b>")', "mime": "text/plain"},
        {"code": 'display.Markdown("*it*")', "mime": "text/markdown"},
        {"code": 'display.SVG("<svg xmlns=\'http://www.w3.org/2000/svg\'/>")', "mime": "image/svg+xml"},
        {"code": 'display.JSON(map[string]int{"a": 1})', "mime": "application/json"},
    ]
    supported_history_operations = ("tail", "range", "search")
    code_history_pattern = "1 ? 2*"
    code_inspect_sample = "fmt.Println"
    code_clear_output = "display.Clear(false)"


class IopubWelcome(jkt.IopubWelcomeTests):
    kernel_name = NAME
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main()
