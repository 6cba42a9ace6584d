"""Papermill's -p for Go notebooks.

Papermill imports this module at its start, for its entry point papermill.engine. That registers how parameters are
written in Go, for whatever engine is used, and the engine godlas, which also reads the notebook: there parameters that
no cell declares are declared, where they are else assigned to.
"""

import json
import math
import re

from papermill.engines import NBClientEngine
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators


class GoTranslator(Translator):
    """Values in Go. A parameter keeps the type that the cell tagged parameters gave it."""

    operator = "="

    @classmethod
    def translate_str(cls, val):
        return json.dumps(val, ensure_ascii=False).replace("\x7f", "\\u007f")

    translate_escaped_str = translate_str

    @classmethod
    def translate_none(cls, val):
        return "nil"

    @classmethod
    def translate_float(cls, val):
        if math.isnan(val):
            return "math.NaN()"
        if math.isinf(val):
            return "math.Inf(1)" if val > 0 else "math.Inf(-1)"
        return repr(val)

    @classmethod
    def element(cls, values):
        """The type that all values have, else any."""
        names = {bool: "bool", int: "int", float: "float64", str: "string"}
        kinds = {type(v) for v in values}
        if kinds == {int, float}:
            kinds = {float}
        return names.get(kinds.pop(), "any") if len(kinds) == 1 else "any"

    @classmethod
    def translate_list(cls, val):
        return f"[]{cls.element(val)}{{{', '.join(cls.translate(v) for v in val)}}}"

    @classmethod
    def translate_dict(cls, val):
        pairs = ", ".join(f"{cls.translate_str(str(k))}: {cls.translate(v)}" for k, v in val.items())
        return f"map[string]{cls.element(list(val.values()))}{{{pairs}}}"

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}".strip()

    @classmethod
    def assign(cls, name, str_val):
        return f"{name} {cls.operator} {str_val}"

    @classmethod
    def codify(cls, parameters, comment="Parameters"):
        try:
            return super().codify(parameters, comment)
        finally:
            cls.operator = "="  # the next notebook of this process may come without the engine below

    _declared = re.compile(r"^(?:var\s+)?(\w+)(?:\s+([\w.\[\]*]+))?\s*:?=\s*(.+?)(?:\s*//\s*(.*))?$")

    @classmethod
    def inspect(cls, parameters_cell):
        """The parameters of a notebook, for papermill --help-notebook."""
        found = []
        for line in parameters_cell.source.splitlines():
            m = cls._declared.match(line.strip())
            if m:
                name, kind, value, text = m.groups()
                found.append(Parameter(name=name, inferred_type_name=kind or "None", default=value, help=text or ""))
        return found


class GodlasEngine(NBClientEngine):
    """Papermill's own engine; papermill --engine godlas."""

    @classmethod
    def nb_language(cls, nb, language=None):
        tagged = any("parameters" in cell.metadata.get("tags", []) for cell in nb.cells)
        GoTranslator.operator = "=" if tagged else ":="
        return super().nb_language(nb, language)


papermill_translators.register("go", GoTranslator)
