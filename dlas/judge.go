package dlas

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/godlas/godlas/dlas/compress"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/model"
	"github.com/godlas/godlas/dlas/store"
)

// judge measures the accuracy of one network, compressed in many ways, on images that may choose: the split val. What it
// saw is kept in the store, under everything that it depends on; L4 to L6 are not among that.
type judge struct {
	base  *runner // on val, uncompressed
	raw   *ir.Graph
	store *store.Store
	key   string
	known map[string]*seen
	began time.Time
}

// seen is what a compressed network got right.
type seen struct {
	Compress string  `json:"compress"`
	Right    string  `json:"right"` // 1 for each image whose true class came first, else 0
	Sparsity float64 `json:"sparsity"`
	Bytes    int64   `json:"bytes"`

	stored bool
}

func (s *seen) right() int    { return strings.Count(s.Right, "1") }
func (s *seen) top1() float64 { return float64(s.right()) / float64(max(1, len(s.Right))) }

// newJudge opens the images of val that a Spec's data have, n of them or all where there are fewer.
func newJudge(ctx context.Context, spec Spec, n int) (*judge, error) {
	if spec.Data == "" {
		return nil, &ir.Error{Layer: ir.Data, What: "choosing a level needs images of the split val, and no data set is named", Try: "name one, as in --data cifar10"}
	}
	c, err := choicesOf(spec)
	if err != nil {
		return nil, err
	}
	of := valOf(c[ir.Data][0])
	opened := &sets{}
	all, err := opened.open(of)
	if err != nil {
		e := asError(err)
		return nil, &ir.Error{Layer: e.Layer, What: "choosing a level needs images of the split val: " + e.What, Err: e.Err, Try: "put pictures that may choose into a folder val beside test, or take data that has the split val"}
	}
	if _, labelled := all.Label(0); !labelled {
		return nil, &ir.Error{Layer: ir.Data, What: "choosing a level needs the true classes of images, and " + all.Name + " has none", Try: "take data with labels, such as cifar10, or a folder of your own pictures with val/CLASS/*.png in it"}
	}
	if n < all.Len() {
		of.Args = append(of.Args, ir.Arg{Key: "n", Op: "=", Value: fmt.Sprint(n)})
	}
	plain := Spec{Data: of.String(), Model: spec.Model, Compress: "none", Primitive: "auto", Schedule: "heuristic", Hardware: "cpu"}
	if plain, err = plain.Canonical(); err != nil {
		return nil, err
	}
	j := &judge{known: map[string]*seen{}, began: time.Now()}
	if j.base, err = build(ctx, plain, opened); err != nil {
		return nil, err
	}
	j.raw = j.base.graph
	if !j.raw.Trained {
		return nil, &ir.Error{Layer: ir.Model, What: "choosing a level needs an accuracy, and the weights of " + spec.Model + " for " + j.base.set.Name + " are random", Try: "take a network with trained weights: dlas model lists them"}
	}
	j.key = "seen " + hashOf(Build(), plain.Model, j.raw.Digest, j.base.set.Digest, j.base.set.Len(), j.base.machine.ISA)
	j.read()
	return j, nil
}

// read takes from the store what it has. A store that cannot be read costs time, no more.
func (j *judge) read() {
	dir, err := storeDir()
	if err != nil {
		return
	}
	j.store = store.OpenFile(dir, "scans.jsonl")
	_, _ = j.store.Each(func(e store.Entry) bool {
		if e.Key == j.key {
			s := &seen{stored: true}
			if json.Unmarshal(e.Record, s) == nil && len(s.Right) == j.base.set.Len() {
				j.known[s.Compress] = s
			}
		}
		return true
	})
}

func (j *judge) seconds() float64 { return time.Since(j.began).Seconds() }

// compressed is a runner of the network compressed as a text says, on val.
func (j *judge) compressed(ctx context.Context, text string) (*runner, error) {
	return j.base.compressed(ctx, j.raw, text)
}

// graph is the network compressed as a text says.
func (j *judge) graph(ctx context.Context, text string) (*ir.Graph, error) {
	c, err := j.base.choices(text)
	if err != nil {
		return nil, err
	}
	g, _, err := shrink(ctx, j.raw, c[ir.Compress], toolsFor(j.raw, c[ir.Data][0], j.base.opened, j.base.machine, planOf(c, 1)))
	return g, err
}

// see runs the network, compressed as a text says, over all images, where the store does not have it.
func (j *judge) see(ctx context.Context, text string) (*seen, error) {
	if s := j.known[text]; s != nil {
		return s, nil
	}
	run, err := j.compressed(ctx, text)
	if err != nil {
		return nil, err
	}
	p, _, err := run.classify(ctx, "val, "+shortened(text))
	if err != nil {
		return nil, err
	}
	right := make([]byte, len(p.Labels))
	for i, l := range p.Labels {
		right[i] = '0'
		if p.Predicted[i] == l {
			right[i] = '1'
		}
	}
	count := model.Count(run.graph)
	s := &seen{Compress: text, Right: string(right), Sparsity: count.Sparsity(), Bytes: count.Bytes}
	j.known[text] = s
	if j.store != nil {
		_ = j.store.Append(j.key, s)
	}
	return s, nil
}

// shortened is a choice of L3 for a line of progress, which a vector of levels would fill.
func shortened(text string) string {
	if r := []rune(text); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return text
}

// result is a stack without any measurement: what a figure of a scan has its Spec and environment from.
func (j *judge) result(spec Spec) *Result {
	run := *j.base
	run.spec = spec
	return run.blank()
}

// found is a Spec whose levels were found by measuring, with the scans and what they say in a line each.
type found struct {
	spec  Spec
	scans []*Scan
	notes []string
}

// resolve finds the levels of L3 that a Spec leaves to a scan. A Spec without any is returned as it is.
func resolve(ctx context.Context, spec Spec) (found, error) {
	f := found{spec: spec}
	if !strings.Contains(spec.Compress, compress.Elbow) && !strings.Contains(spec.Compress, compress.AutoName) {
		return f, nil
	}
	c, err := choicesOf(spec)
	if err != nil {
		return f, err
	}
	var j *judge
	images := 0
	chosen := c[ir.Compress]
	for i, pass := range chosen {
		after, then := "none", ""
		if i > 0 {
			after = spell(chosen[:i])
		}
		if i+1 < len(chosen) && chosen[i+1].Name == "recalibrate" { // a recovery belongs to what it recovers from
			then = chosen[i+1].String()
		}
		if pass.Name == compress.AutoName {
			text, scans, notes, err := auto(ctx, spec, after, pass)
			if err != nil {
				return f, err
			}
			f.spec.Compress, f.scans, f.notes = text, append(f.scans, scans...), append(f.notes, notes...)
			return f.canonical()
		}
		if !compress.IsElbow(pass) {
			continue
		}
		plain, n, drop, err := scanArgs(compress.At(pass, ""))
		if err != nil {
			return f, err
		}
		if j == nil || images != n {
			if j, err = newJudge(ctx, spec, n); err != nil {
				return f, err
			}
			images = n
		}
		scan, err := j.elbow(ctx, after, plain, then, drop)
		if err != nil {
			return f, err
		}
		f.scans, f.notes = append(f.scans, scan), append(f.notes, scan.notes()...)
		chosen[i] = compress.At(plain, scan.Elbow)
	}
	f.spec.Compress = spell(chosen)
	return f.canonical()
}

// canonical gives what was found its one spelling, as a user's own has.
func (f found) canonical() (found, error) {
	var err error
	f.spec.Compress, err = canonicalLayer(ir.Compress, f.spec.Compress, "")
	return f, err
}

// notes say what a scan has chosen, a line each.
func (s *Scan) notes() []string {
	var out []string
	if s.Elbow != "" {
		points := s.Layers[0].Points
		name, _, _ := strings.Cut(s.Pass, "(")
		out = append(out, fmt.Sprintf("%s(elbow) is %s: the highest of %d levels that is at most %s below the uncompressed network, as all lower ones are, on %s images of val (%+.2f points); plot elbow draws it",
			name, s.Elbow, len(points), points100(s.Drop), thousands(int64(s.N)), points[ElbowOf(points, s.Drop)].Points))
	}
	if s.Note != "" {
		out = append(out, s.Pass+": "+s.Note)
	}
	if s.Caveat != "" {
		out = append(out, s.Pass+": the scan is optimistic where the network knows its images: "+s.Caveat)
	}
	return out
}

// points100 is a number of percentage points.
func points100(v float64) string {
	if v == 1 {
		return "1 point"
	}
	return fmt.Sprintf("%g points", v)
}
