package dlas

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/godlas/godlas/dlas/compress"
)

const (
	// leastSaved is the share of all that an option must save to be looked at.
	leastSaved = 0.003
	// scanTime is how long the scan goes on to further units, what saves most first; what it has seen is in the store.
	scanTime = 3 * time.Minute
	// recovered is how many times what may be lost a unit alone may lose where recalibrate follows, which wins most back.
	recovered = 3
	// anyLoss is how many points that is where no accuracy is asked for.
	anyLoss = 20
)

// ladder is the levels of a pass for a unit, the gentlest first.
type ladder struct {
	unit, pass int
	options    []*autoOption
	most       float64 // share of a cost that it may save
}

// scan measures what each option that saves something costs in accuracy, those first that save most.
func (a *searcher) scan(ctx context.Context) error {
	most := a.mayLose(true)
	ladders := a.ladders()
	scans := map[int]*Scan{}
	began := time.Now()
	for i, l := range ladders {
		if time.Since(began) > scanTime {
			a.notes = append(a.notes, fmt.Sprintf("auto looked at %d of %d passes for a layer in its time, those that may save most first; the next search goes on from there", i, len(ladders)))
			break
		}
		u := &a.units[l.unit]
		for _, o := range l.options {
			if a.surpassed(u, o) {
				continue
			}
			progress(Progress{Step: "auto: scan of " + autoPasses[l.pass].choice.String(), Done: i, Total: len(ladders), Unit: "units"})
			p, err := a.judge.point(ctx, a.after, a.vector(l.pass, o.level, u.layers...), "", a.before)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil { // a level that would leave nothing of the layer, say
				break
			}
			p.Level = o.level
			o.lost = max(0, -p.Points)
			if o.saves[costBytes] = float64(a.before.Bytes - p.Bytes); !slices.Contains(a.costs, costBytes) {
				o.saves[costBytes] = math.NaN()
			}
			if scans[l.pass] == nil {
				if scans[l.pass], err = a.newScan(ctx, l.pass); err != nil {
					return err
				}
			}
			for _, i := range u.layers {
				scans[l.pass].Layers[i].Points = append(scans[l.pass].Layers[i].Points, p)
			}
			if o.lost > most {
				break
			}
		}
	}
	for k := range autoPasses {
		if s := scans[k]; s != nil {
			s.Seconds = a.judge.seconds()
			a.scans = append(a.scans, s)
		}
	}
	slices.SortStableFunc(a.scans, func(x, y *Scan) int { return y.points() - x.points() })
	return nil
}

// mayLose is how many points a unit alone may lose, with an image or two for chance.
func (a *searcher) mayLose(recalibrated bool) float64 {
	if a.targets.Accuracy == nil {
		return anyLoss
	}
	most := 100 * (a.before.top1() - a.need + 2/float64(len(a.base.Right)))
	if recalibrated {
		most *= recovered
	}
	return most
}

// points is how many a scan has.
func (s *Scan) points() (n int) {
	for _, l := range s.Layers {
		n += len(l.Points)
	}
	return n
}

// newScan is a scan of all layers without points.
func (a *searcher) newScan(ctx context.Context, pass int) (*Scan, error) {
	s, err := a.judge.scan(ctx, a.after, autoPasses[pass].choice)
	if err != nil {
		return nil, err
	}
	g, err := a.judge.graph(ctx, a.after)
	if err != nil {
		return nil, err
	}
	s.Before = a.before.top1()
	for _, l := range compress.Layers(g) {
		s.Layers = append(s.Layers, ScanLayer{Name: plain(l.Nodes[0].Name), Weights: int64(l.Elems())})
	}
	return s, nil
}

// ladders are those that may save something, the most first.
func (a *searcher) ladders() []ladder {
	var all []ladder
	for i := range a.units {
		u := &a.units[i]
		for k := range u.options {
			o := &u.options[k]
			share := a.share(u, o)
			if o.pass < 0 || share < leastSaved {
				continue
			}
			if n := len(all); n == 0 || all[n-1].unit != i || all[n-1].pass != o.pass {
				all = append(all, ladder{unit: i, pass: o.pass})
			}
			l := &all[len(all)-1]
			l.options, l.most = append(l.options, o), max(l.most, share)
		}
	}
	slices.SortStableFunc(all, func(x, y ladder) int { return sign(y.most - x.most) })
	return all
}

// share is the largest share of a cost that an option saves; of bytes, which are not known before, that of the weights.
func (a *searcher) share(u *autoUnit, o *autoOption) float64 {
	best := 0.0
	for _, c := range a.costs {
		switch {
		case c != costBytes:
			if s := o.saves[c] / a.total[c]; s > best {
				best = s
			}
		case o.pass >= 0 && autoPasses[o.pass].bytes:
			best = max(best, 1/float64(len(a.layers)))
		}
	}
	return best
}

// surpassed reports whether an option need not be looked at: one that is known to lose nothing saves as much, or prune,
// which keeps the largest weights of all, does at fewer zeros.
func (a *searcher) surpassed(u *autoUnit, o *autoOption) bool {
	if slices.Contains(a.costs, costBytes) {
		return false
	}
	better := func(p *autoOption) bool {
		for _, c := range a.costs {
			if o.saves[c] > 0 && !(p.saves[c] >= o.saves[c]) {
				return false
			}
		}
		return true
	}
	zeroing := func(p *autoOption) bool {
		return p.pass >= 0 && slices.Contains([]string{"blocks", "punch", "pattern"}, autoPasses[p.pass].choice.Name)
	}
	for k := range u.options {
		p := &u.options[k]
		if p == o || p.pass < 0 || !better(p) {
			continue
		}
		if p.lost == 0 || autoPasses[p.pass].choice.Name == "prune" && zeroing(o) && gentler("prune", p.level, o.level) <= 0 {
			return true
		}
	}
	return false
}
