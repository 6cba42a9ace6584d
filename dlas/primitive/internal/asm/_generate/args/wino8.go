package args

// Wino8In stands for asm.Wino8In.
type Wino8In struct{}

// Wino8Weights stands for asm.Wino8Weights.
type Wino8Weights struct{}

// Wino8Mul stands for asm.Wino8Mul.
type Wino8Mul struct{}

// Wino8Out stands for asm.Wino8Out.
type Wino8Out struct{}
