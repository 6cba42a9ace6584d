package rt

const intRegs, floatRegs = 16, 16
