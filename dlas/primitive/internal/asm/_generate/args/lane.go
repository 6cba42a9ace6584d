package args

// Map stands for asm.Map.
type Map struct{}

// Reduce stands for asm.Reduce.
type Reduce struct{}

// Window stands for asm.Window.
type Window struct{}

// Lanes stands for asm.Lanes.
type Lanes struct{}
