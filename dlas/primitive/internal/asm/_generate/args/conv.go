package args

// Tile stands for asm.Tile.
type Tile struct{}
