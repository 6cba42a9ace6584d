package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/godlas/godlas/dlas/ir/stat"
)

// images that the benchmark of scale runs in each way.
const scaleImages = 10_000

// Scale runs 10,000 images as a measurement of accuracy does, on one thread and on two; one after the other; and from 64
// goroutines at once.
func Scale(ctx context.Context, t Table, _ []string) error {
	l, end, err := newLab(ctx)
	if err != nil {
		return err
	}
	defer end()
	t.Head("network", "what", "images a second", "against", "images a second", "ratio", "95 % interval", "goal", "verdict")
	for _, n := range networks() {
		if n.name != "resnet20" && n.name != "cifar-mobilenetv2" {
			continue
		}
		f, err := n.write(l.dir)
		if err != nil {
			return err
		}
		one, err := l.ours(ctx, "", f.f32, f.input, 1, 1, "auto", "")
		if err != nil {
			return err
		}
		defer one.process.close()
		two, err := l.ours(ctx, "", f.f32, f.input, 2, 1, "auto", "")
		if err != nil {
			return err
		}
		defer two.process.close()
		ways := []struct {
			e          *entry
			op         string
			goroutines int
			rate       []float64
		}{{e: one, op: "queue"}, {e: two, op: "queue"}, {e: two, op: "many", goroutines: 1}, {e: two, op: "many", goroutines: 64}}
		const rounds = 11
		for r := range rounds {
			order := []int{0, 1, 2, 3}
			if r%2 == 1 {
				slices.Reverse(order)
			}
			for _, i := range order {
				a, err := ways[i].e.process.ask(request{Op: ways[i].op, Goroutines: ways[i].goroutines, Least: scaleImages / rounds})
				if err != nil {
					return err
				}
				ways[i].rate = append(ways[i].rate, float64(scaleImages/rounds)/(float64(a.NS[0])/1e9))
			}
		}
		row := func(what string, a int, against string, b int, goal float64) {
			each := make([]float64, rounds)
			for i := range each {
				each[i] = ways[a].rate[i] / ways[b].rate[i]
			}
			median, low, high := stat.MedianInterval(each)
			v, least := "not met", fmt.Sprintf("at least %.2f", goal)
			if goal == 0 {
				v, least = "", ""
			} else if low >= goal {
				v = "met"
			} else if median >= goal {
				v = "met, interval straddles"
			}
			t.Add(n.title, what, fmt.Sprintf("%.0f", stat.Median(ways[a].rate)), against, fmt.Sprintf("%.0f", stat.Median(ways[b].rate)),
				fmt.Sprintf("%.3f", median), fmt.Sprintf("%.3f to %.3f", low, high), least, v)
		}
		row("a queue of images, two threads", 1, "the queue, one thread", 0, 1.85)
		row("64 goroutines at once, two threads", 3, "the queue, two threads", 1, 1)
		row("one image after the other, two threads", 2, "the queue, one thread", 0, 0)
		f.remove()
	}
	return nil
}
