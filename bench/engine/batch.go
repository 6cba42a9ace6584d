package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// Batch times batches of 8 and 32 images on two threads, of the networks whose name has one of the words in it
// (all: no word); 8 and 32 among the words are sizes of batches.
func Batch(ctx context.Context, t Table, words []string) error {
	var sizes []int
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		n, err := strconv.Atoi(w)
		if err == nil {
			sizes = append(sizes, n)
		}
		return err == nil
	})
	if len(sizes) == 0 {
		sizes = []int{8, 32}
	}
	for _, n := range sizes {
		if n < 1 || n > mostImages {
			return fmt.Errorf("a batch of %d images: there may be 1 to %d", n, mostImages)
		}
	}
	if err := asked(words); err != nil {
		return err
	}
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("network", "batch", "ours, ms", "ONNX Runtime, ms", "OpenVINO, ms", "ours / better", "95 % interval", "goal", "verdict")
	missed := 0
	for _, n := range networks() {
		if !selected(n, words) {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return err
		}
		for _, batch := range sizes {
			if err := writeRaw(f.input, images(batch, n.size, 1)); err != nil {
				return err
			}
			v, err := l.batch(ctx, t, n, f, batch)
			if err != nil {
				return err
			}
			if v == "not met" {
				missed++
			}
		}
		f.remove()
	}
	t.Note(fmt.Sprintf("%d goals are not met. f32, two threads.", missed))
	return nil
}

// mostImages is the most of a batch.
const mostImages = 256

func (l *lab) batch(ctx context.Context, t Table, n network, f *files, batch int) (string, error) {
	ours, err := l.ours(ctx, "ours", f.f32, f.input, 2, batch, "auto", "")
	if err != nil {
		return "", err
	}
	defer ours.process.close()
	entries := []*entry{ours}
	ms := map[string]string{"onnxruntime": "fails", "openvino": "fails"}
	for _, engine := range []string{"onnxruntime", "openvino"} {
		p, err := l.theirs(ctx, engine, f.f32, f.input, 2, batch)
		if err != nil {
			t.Note(fmt.Sprintf("%s, batch of %d: %s drops out: %s", n.title, batch, engine, lastLine(err.Error())))
			continue
		}
		defer p.process.close()
		entries = append(entries, p)
	}
	if len(entries) < 2 {
		return "not met", nil
	}
	if err := contest(timing{rounds: 11, warm: 30 * time.Millisecond, length: 100 * time.Millisecond, least: 1}, entries, nil); err != nil {
		return "", err
	}
	for _, e := range entries[1:] {
		ms[e.name] = fmt.Sprintf("%.2f", stat.Median(e.ms))
	}
	median, low, high := ratio(ours, best(entries[1:]))
	v := verdict(median, high, 1)
	t.Add(fmt.Sprintf("%s %dx%d", n.title, n.size, n.size), fmt.Sprint(batch), fmt.Sprintf("%.2f", stat.Median(ours.ms)), ms["onnxruntime"], ms["openvino"],
		fmt.Sprintf("%.3f", median), fmt.Sprintf("%.3f to %.3f", low, high), "1.00", v)
	return v, nil
}
