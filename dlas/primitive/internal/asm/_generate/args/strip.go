package args

// Strip stands for asm.Strip.
type Strip struct{}

// Turn stands for asm.Turn.
type Turn struct{}

// Edges stands for asm.Edges.
type Edges struct{}
