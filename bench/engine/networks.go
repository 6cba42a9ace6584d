package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/model/onnx"
)

// network is a row of the table of networks: how it is built, and the most that our time may be of the better engine's.
type network struct {
	name, title string // in our zoo, in the table
	size        int    // height and width of its input
	classes     int
	f32, i8     float64
}

func networks() []network {
	return []network{
		{"imagenet-resnet18", "ResNet-18", 224, 1000, 0.70, 0.95},
		{"resnet50", "ResNet-50", 224, 1000, 0.75, 0.95},
		{"imagenet-vgg16", "VGG-16", 224, 1000, 0.60, 0.95},
		{"imagenet-mobilenetv1", "MobileNetV1", 224, 1000, 0.90, 0.95},
		{"imagenet-mobilenetv2", "MobileNetV2", 224, 1000, 0.90, 0.95},
		{"efficientnet-b0", "EfficientNet-B0", 224, 1000, 0.80, 0.95},
		{"densenet161", "DenseNet-161", 224, 1000, 0.85, 1.0},
		{"squeezenet1.1", "SqueezeNet 1.1", 224, 1000, 0.90, 1.0},
		{"cifar-resnet18", "ResNet-18", 32, 10, 0.60, 0.95},
		{"cifar-vgg16", "VGG-16", 32, 10, 0.60, 0.95},
		{"cifar-mobilenetv1", "MobileNetV1", 32, 10, 0.80, 0.95},
		{"cifar-mobilenetv2", "MobileNetV2", 32, 10, 0.80, 0.95},
		{"resnet20", "ResNet-20", 32, 10, 0.80, 0.95},
	}
}

// files are a network's: all engines read the same.
type files struct {
	graph    *ir.Graph
	f32, i8  string    // ONNX; i8 is made by quantise
	input    string    // raw elements of one image
	elements []float64 // of the same image
	exact    []float64 // the logits in float64, once computed
}

// calibration is the number of images that the quantiser sees.
const calibration = 8

// write builds a network with random weights and writes it, and inputs for it, into a folder.
func (n network) write(dir string) (*files, error) {
	g, err := model.Build(ir.Choice{Name: n.name}, model.Request{C: 3, H: n.size, W: n.size, Classes: n.classes, Seed: 1})
	if err != nil {
		return nil, err
	}
	base := filepath.Join(dir, fmt.Sprintf("%s-%d", n.name, n.size))
	f := &files{graph: g, f32: base + ".onnx", i8: base + "-int8.onnx", input: base + ".raw"}
	out, err := os.Create(f.f32)
	if err != nil {
		return nil, err
	}
	err = onnx.Write(out, g, nil)
	if e := out.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	one := images(1, n.size, 1)
	for _, v := range one {
		f.elements = append(f.elements, float64(v))
	}
	if err := writeRaw(f.input, one); err != nil {
		return nil, err
	}
	return f, writeRaw(f.calibration(), images(calibration, n.size, 2))
}

func (f *files) calibration() string { return f.input + "-calibration" }

func (f *files) remove() {
	for _, path := range []string{f.f32, f.i8, f.input, f.calibration()} {
		os.Remove(path)
	}
}

// quantise makes the int8 network.
func (f *files) quantise(ctx context.Context, python, script string) error {
	cmd := exec.CommandContext(ctx, python, "-I", script, f.f32, f.i8, f.calibration())
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("quantising %s: %w\n%s", f.f32, err, tail(all.String()))
	}
	return nil
}

// images are normally distributed pixels, as preprocessed pictures are.
func images(n, size int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, n*3*size*size)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func writeRaw(path string, v []float32) error {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
