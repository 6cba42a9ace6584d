package args

// Seven stands for asm.Seven.
type Seven struct{}

// SevenSums stands for asm.SevenSums.
type SevenSums struct{}
