package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// LiteRT times published TFLite networks of the data folder in our engine and in LiteRT, whose kernels are XNNPACK's.
func LiteRT(ctx context.Context, t Table, _ []string) error {
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	dir := os.Getenv("DLAS_DATA")
	if dir == "" {
		return fmt.Errorf("DLAS_DATA names no data folder")
	}
	t.Head("network", "threads", "ours, ms", "LiteRT, ms", "ratio", "95 % interval", "goal", "verdict")
	missed := 0
	for _, n := range []struct {
		file, title string
		size        int
		quantised   bool
	}{
		{"mlperf-tiny/pretrainedResnet.tflite", "MLPerf Tiny ResNet-8, f32", 32, false},
		{"mlperf-tiny/pretrainedResnet_quant.tflite", "MLPerf Tiny ResNet-8, int8", 32, true},
		{"coral/tf2_mobilenet_v2_1.0_224_ptq.tflite", "Coral MobileNetV2, int8", 224, true},
	} {
		file := filepath.Join(dir, "weights", filepath.FromSlash(n.file))
		r := rand.New(rand.NewPCG(1, 0))
		pixels, bytes := make([]float32, 3*n.size*n.size), make([]byte, 3*n.size*n.size)
		for i := range pixels {
			bytes[i] = byte(r.IntN(256))
			pixels[i] = float32(bytes[i])
		}
		ours, theirs := filepath.Join(l.dir, "pixels"), filepath.Join(l.dir, "pixels")
		if err := writeRaw(ours, pixels); err != nil {
			return err
		}
		if n.quantised {
			theirs = filepath.Join(l.dir, "bytes")
			if err := os.WriteFile(theirs, bytes, 0o600); err != nil {
				return err
			}
		}
		for threads := 1; threads <= 2; threads++ {
			a, err := l.ours(ctx, "ours", file, ours, threads, 1, "auto", "")
			if err != nil {
				return err
			}
			b, err := l.theirs(ctx, "litert", file, theirs, threads, 1)
			if err == nil {
				err = contest(usual, []*entry{a, b}, nil)
				b.process.close()
			}
			a.process.close()
			if err != nil {
				return err
			}
			median, low, high := ratio(a, b)
			v := verdict(median, high, 0.95)
			if v == "not met" {
				missed++
			}
			t.Add(n.title, fmt.Sprint(threads), fmt.Sprintf("%.4f", stat.Median(a.ms)), fmt.Sprintf("%.4f", stat.Median(b.ms)),
				fmt.Sprintf("%.3f", median), fmt.Sprintf("%.3f to %.3f", low, high), "0.95", v)
		}
	}
	t.Note(fmt.Sprintf("%d goals are not met.", missed))
	return nil
}
