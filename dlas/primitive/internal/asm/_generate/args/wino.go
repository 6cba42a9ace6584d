package args

// WinoMap stands for asm.WinoMap.
type WinoMap struct{}

// WinoMul stands for asm.WinoMul.
type WinoMul struct{}

// WinoRow stands for asm.WinoRow.
type WinoRow struct{}

// WinoColumns stands for asm.WinoColumns.
type WinoColumns struct{}
