package dlas_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godlas/godlas/dlas"
	"github.com/godlas/godlas/dlas/ir"
)

// A network from a file runs in any Go program: load it, compile it once, run it from as many goroutines as you like.
func ExampleLoad() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "resnet8.onnx") // or any classifier, detector, segmenter as ONNX or TFLite
	if err := dlas.New().Model("resnet8").Export(ctx, path); err != nil {
		fmt.Println(err)
		return
	}

	net, err := dlas.Load(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	prog, err := net.Compile(dlas.CompileOptions{Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("reads", prog.InShape(), "writes", prog.OutShape())

	// A dark picture with a bright bag in it.
	picture := ir.Image{C: 1, H: 28, W: 28, Pix: make([]uint8, 28*28)}
	for y := 8; y < 26; y++ {
		for x := 2; x < 26; x++ {
			picture.Pix[y*28+x] = 200
		}
	}
	in, logits := make([]float32, prog.InShape().Elems()), make([]float32, prog.OutShape().Elems())
	if err := prog.Prepare([]ir.Image{picture}, in); err != nil {
		fmt.Println(err)
		return
	}
	if err := prog.Run(ctx, in, logits); err != nil {
		fmt.Println(err)
		return
	}
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	fmt.Println(prog.Classes()[best])
	// Output: reads 1x1x32x32 writes 1x10
	// Bag
}

// A network with several inputs or outputs, or of other types than f32, is run with RunAll.
func ExampleProgram_RunAll() {
	prog, err := dlas.New().Compile(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	memory := func(values []ir.Value) (all []ir.Memory) {
		for _, v := range values {
			all = append(all, ir.NewMemory(v.Shape.Elems()*v.Type.Size()))
		}
		return all
	}
	in, out := memory(prog.Inputs()), memory(prog.Outputs())
	if err := prog.RunAll(context.Background(), in, out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(in), "input,", len(out), "output of", len(out[0].F32()), "numbers")
	// Output: 1 input, 1 output of 10 numbers
}
