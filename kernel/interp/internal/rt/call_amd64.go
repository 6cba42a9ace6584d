package rt

const intRegs, floatRegs = 9, 15
