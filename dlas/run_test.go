package dlas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/stat"
	"github.com/godlas/godlas/internal/need"
)

// TestMain keeps the tests' results out of the user's store and their measuring short.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "dlas-store")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Setenv("DLAS_STORE", dir)
	budget.Time = 200 * time.Millisecond
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func mustRun(t *testing.T, s Stack) *Result {
	t.Helper()
	r, err := s.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRun(t *testing.T) {
	r, err := New().Data("fashion-mnist(n=50)").RunAs(context.Background(), "first")
	if err != nil {
		t.Fatal(err)
	}
	a := r.Accuracy
	if a == nil || a.N != 50 || a.Split != "test" || len(a.Digest) != 64 || a.Top1 < 0.7 || a.Top5 < a.Top1 {
		t.Fatalf("accuracy %+v", a)
	}
	right := 0
	for i, p := range r.Seen.Predicted {
		if p == r.Seen.Labels[i] {
			right++
		}
	}
	if low, high := stat.Wilson(right, 50); a.Top1 != float64(right)/50 || a.Low != low || a.High != high {
		t.Errorf("accuracy %+v, but %d are right", a, right)
	}
	if l := r.Latency; l == nil || l.N < 30 || l.N != len(l.Samples) || !(l.Low <= l.Median && l.Median <= l.High) || l.Batch != 1 || l.StoppedBy == "" {
		t.Errorf("latency %+v", l)
	} else if m, _, _ := stat.MedianInterval(l.Samples); m != l.Median {
		t.Errorf("median %v, of the samples %v", l.Median, m)
	}
	if r.OverheadMS == nil || *r.OverheadMS <= 0 || *r.OverheadMS > r.Latency.Median {
		t.Errorf("overhead %v", r.OverheadMS)
	}
	if m := r.Model; m.Params != 77754 || m.NonZero > m.Params || m.MACs < m.MACsNonzero || m.MACsNonzero == 0 || !m.Trained || len(m.WeightsDigest) != 64 || m.Bytes < 4*m.Params {
		t.Errorf("model %+v", m)
	}
	var macs int64
	for _, n := range r.Nodes {
		if n.MS == nil || *n.MS <= 0 || n.Kernel == "" || n.Schedule == "" {
			t.Errorf("node %+v", n)
		}
		macs += n.MACs
	}
	if macs != r.Model.MACs {
		t.Errorf("the nodes' MACs are %d, the model's %d", macs, r.Model.MACs)
	}
	if r.SpecHash != New().Data("fashion-mnist(n=50)").Spec().Hash() {
		t.Errorf("hash %s", r.SpecHash)
	}
	if Last() != r || Named("first") != r || Named(r.SpecHash[:6]) != r || Named("no such") != nil {
		t.Error("the result is not remembered")
	}
	all, err := StoredResults()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d stored results, %v", len(all), err)
	}
	kept := all[len(all)-1]
	if !kept.Stored || !slices.Equal(kept.Seen.Predicted, r.Seen.Predicted) || !slices.Equal(kept.Latency.Samples, r.Latency.Samples) || kept.Time != r.Time || kept.Environment.Hash != r.Environment.Hash {
		t.Errorf("stored %+v", kept)
	}
}

// TestRunWithoutAccuracy: no labels or random weights mean no accuracy, not a wrong one.
func TestRunWithoutAccuracy(t *testing.T) {
	r := mustRun(t, New().Data("random(1x3x32x32)").Model("resnet20"))
	if r.Accuracy != nil || r.Model.Trained || !strings.Contains(r.String(), "random weights") {
		t.Errorf("accuracy %+v\n%s", r.Accuracy, r)
	}
	b, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(b), `"accuracy":null`) {
		t.Errorf("%s, %v", b, err)
	}
	path := filepath.Join(t.TempDir(), "net.onnx")
	if err := New().Data("random(1x3x32x32)").Model("resnet20").Export(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	r = mustRun(t, New().Data("random(1x3x32x32)").Model(ir.QuoteName(path)))
	if r.Model.Trained || !slices.Contains(r.Notes, "random weights: the file says that nobody has trained them") {
		t.Errorf("%q", r.Notes)
	}
}

// TestBatches: the predictions do not depend on how images are batched or on the threads.
func TestBatches(t *testing.T) {
	var want []int
	for _, s := range []Stack{
		New().Data("fashion-mnist(n=50)"),
		New().Data("fashion-mnist(n=50, batch=7)"),
		New().Data("fashion-mnist(n=50, batch=64)").CPU(Threads(1)),
	} {
		r := mustRun(t, s)
		if want == nil {
			want = r.Seen.Predicted
		}
		if !slices.Equal(r.Seen.Predicted, want) {
			t.Errorf("%s predicts otherwise", s.Spec().Data)
		}
		if s.Spec().Data == "fashion-mnist(n=50, batch=7)" && r.Latency.Batch != 7 {
			t.Errorf("batch %d", r.Latency.Batch)
		}
	}
}

// TestResultJSON fixes the names of the object that --json prints.
func TestResultJSON(t *testing.T) {
	r := mustRun(t, New().Data("fashion-mnist(n=50)"))
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":            "accuracy environment latency_ms model nodes overhead_ms spec spec_hash time",
		"spec":        "compress data hardware model primitive schedule",
		"accuracy":    "digest high low n split top1 top5",
		"latency_ms":  "batch high low median n samples stopped_by",
		"model":       "bytes macs macs_nonzero memory_bytes nonzero params sparsity stored trained weights_digest",
		"nodes":       "bound format instead_of isa kernel macs macs_executed macs_nonzero moved_bytes ms name op packed_bytes primitive roofline schedule type workspace_bytes",
		"environment": "arch build clock_mhz cores cpu go gomaxprocs governor hash isa isas kernel l1d_bytes l2_bytes l3_bytes load logical os threads",
	} {
		v := any(got)
		if path != "" {
			v = got[path]
		}
		if list, ok := v.([]any); ok {
			v = list[0]
		}
		m, ok := v.(map[string]any)
		var names []string
		for k := range m {
			names = append(names, k)
		}
		slices.Sort(names)
		if !ok || strings.Join(names, " ") != want {
			t.Errorf("%q has %v, want %s", path, names, want)
		}
	}
	if node := got["nodes"].([]any)[0].(map[string]any); node["macs_executed"].(float64) > 0 {
		if share, ok := node["roofline"].(float64); !ok || share <= 0 {
			t.Errorf("roofline is %v", node["roofline"])
		}
	}
}

func TestCardAndHTML(t *testing.T) {
	r := mustRun(t, New().Data("fashion-mnist(n=50)").Compress("prune(0.5)"))
	text := r.String()
	for _, want := range []string{
		"L1 Datasets & Problem Spaces: data", "L2 Models & Neural Architectures: model", "L3 Model Optimisations: compress", "L4 Algorithms & Data Formats: primitive",
		"L5 Systems Software: schedule", "L6 Hardware: hardware", "fashion-mnist(n=50)", "prune(0.5)", "n = 50, split test", "stopped by", "sum of nodes / latency", "time by node", r.SpecHash,
		"note: prune(0.5): ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the card lacks %q:\n%s", want, text)
		}
	}
	r.Nodes[0].Name = "<img src=x onerror=alert(1)>\x1b[31m"
	r.Notes = append(r.Notes, "<script>")
	b := r.MimeBundle()
	h := b["text/html"].(string)
	if strings.Contains(h, "<img") || strings.Contains(h, "<script") || strings.Contains(h, "\x1b") || !strings.Contains(h, "&lt;img src=x") {
		t.Errorf("not escaped: %s", h)
	}
	if strings.Contains(b["text/plain"].(string), "\x1b") {
		t.Error("a control character in the text")
	}
	if s := New().MimeBundle(); !strings.Contains(s["text/html"].(string), "L6 Hardware: hardware") || !strings.Contains(s["text/plain"].(string), "resnet8") {
		t.Errorf("%v", s)
	}
}

func TestPredict(t *testing.T) {
	r := mustRun(t, New().Data("fashion-mnist(n=50)"))
	p := r.Predict(3)
	if len(p.Names) != 5 || len(p.Probs) != 5 || !slices.IsSortedFunc(p.Probs, func(a, b float64) int { return int(b*1e9) - int(a*1e9) }) {
		t.Fatalf("%+v", p)
	}
	if want := r.Seen.Classes[r.Seen.Predicted[3]]; p.Names[0] != want {
		t.Errorf("predicts %s, and the run %s", p.Names[0], want)
	}
	if p.Label != r.Seen.Classes[r.Seen.Labels[3]] {
		t.Errorf("label %s", p.Label)
	}
	if h := p.MimeBundle()["text/html"].(string); !strings.Contains(h, "data:image/png;base64,") || !strings.Contains(h, escape(p.Names[0])) {
		t.Error(h)
	}
	q, err := r.PredictImage(context.Background(), p.Image)
	if err != nil || q.Names[0] != p.Names[0] || q.Probs[0] != p.Probs[0] {
		t.Errorf("%+v, %v", q, err)
	}
	// The same pixels as a picture of the set's size give the same answer.
	if s := r.Predict(Picture(p.Image, 1)); s.Names[0] != p.Names[0] || s.Probs[0] != p.Probs[0] {
		t.Errorf("as a picture: %+v", s)
	}
	path := filepath.Join(t.TempDir(), "a picture.png")
	if err := os.WriteFile(path, pngOf(Picture(p.Image, 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := r.Predict(path); len(s.Names) != 5 {
		t.Errorf("from a file: %+v", s)
	}
	broken := filepath.Join(t.TempDir(), "broken.png")
	if err := os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\nnonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []any{-1, 50, "no such.png", broken, 3.5, ir.Image{C: 3, H: 2, W: 2, Pix: make([]uint8, 12)}, image.NewGray(image.Rect(0, 0, 0, 0))} {
		func() {
			defer func() {
				if _, ok := recover().(*ir.Error); !ok {
					t.Errorf("predict of %v does not panic with an *ir.Error", bad)
				}
			}()
			r.Predict(bad)
		}()
	}
}

func TestSweep(t *testing.T) {
	st := New().Data("fashion-mnist(n=50)").Prune(0, 0.9).Primitive("direct", "dense|csr")
	var seen []Progress
	OnProgress = func(p Progress) { seen = append(seen, p) }
	defer func() { OnProgress = nil }()
	calls := 0
	w, err := st.SweepWith(context.Background(), SweepOptions{OnResult: func(w *Sweep) { calls++ }})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Results) != 4 || calls != 4 || w.Rounds < 11 || len(w.Varies) != 2 || len(seen) == 0 {
		t.Fatalf("%d results, %d calls, %d rounds, varies %v", len(w.Results), calls, w.Rounds, w.Varies)
	}
	for i, r := range w.Results {
		if r.Spec != w.Specs[i] || r.Latency == nil || r.Accuracy == nil || r.Stored || r.Unpaired || r.Latency.StoppedBy != "rounds" {
			t.Errorf("point %d: %+v", i, r)
		}
	}
	if a, b := w.Results[0], w.Results[2]; a.Spec.Compress == b.Spec.Compress || b.Model.Sparsity < 0.899 || b.Model.Sparsity > 0.901 {
		t.Errorf("sparsity %v of %s", b.Model.Sparsity, b.Spec.Compress)
	}
	if a, b, c := w.Results[0].run.graph, w.Results[1].run.graph, w.Results[2].run.graph; a != b || a == c {
		t.Error("points that differ in L4 alone were compressed one by one")
	}
	// The second time all comes from the store; --fresh measures again.
	again, err := st.Sweep(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range again.Results {
		if !r.Stored || !r.Unpaired {
			t.Errorf("measured again: %s", r.Label(again.Varies))
		}
	}
	if text := again.String(); strings.Count(text, "stored, unpaired") != 4 || !strings.Contains(text, "prune(0.9)") {
		t.Error(text)
	}
	fresh, err := st.SweepWith(context.Background(), SweepOptions{Fresh: true})
	if err != nil || len(fresh.Results) != 4 || fresh.Results[0].Stored {
		t.Errorf("%+v, %v", fresh, err)
	}
	// One more level: three points are stored, the new ones are measured.
	more, err := New().Data("fashion-mnist(n=50)").Prune(0, 0.5).Primitive("direct", "csr").Sweep(context.Background())
	if err != nil || len(more.Results) != 2 || !more.Results[0].Stored || more.Results[1].Stored {
		t.Errorf("%+v, %v", more, err)
	}
	if LastSweep() != more {
		t.Error("the sweep is not remembered")
	}
	// Choices that belong together across layers: two stacks in one sweep, each point once, and the new ones in turns.
	base := New().Data("fashion-mnist(n=50)")
	a, b := base.Primitive("gemm", "dense"), base.Prune(0.9).Primitive("gemm", "csr")
	both, err := a.Sweep(context.Background(), b, a)
	if err != nil || len(both.Results) != 2 || both.Results[0].Unpaired || both.Results[1].Unpaired || both.Rounds < 11 {
		t.Fatalf("%+v, %v", both, err)
	}
	if x, y := both.Results[0].Spec, both.Results[1].Spec; x.Compress != "none" || x.Primitive != "gemm dense" || y.Compress != "prune(0.9)" || y.Primitive != "gemm csr" {
		t.Errorf("%v and %v", x, y)
	}
	if _, err := a.Sweep(context.Background(), base.Model("no such")); err == nil {
		t.Error("a stack that cannot be swept is left out")
	}
}

func TestSweepInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := 0
	w, err := New().Data("fashion-mnist(n=51)").Prune(0, 0.1, 0.2).SweepWith(ctx, SweepOptions{OnResult: func(*Sweep) {
		done++
		cancel()
	}})
	if !errors.Is(err, context.Canceled) || w == nil || !w.Interrupted || done != 1 {
		t.Fatalf("%+v, %v, %d done", w, err, done)
	}
	if len(w.Results) != 3 || w.Results[0].Accuracy == nil || w.Results[2].Accuracy != nil || w.Results[2].Latency == nil {
		t.Errorf("kept %d results", len(w.Results))
	}
	if !strings.Contains(w.String(), "interrupted: 1 of 3 points are done, and of 2 more the latency is known") {
		t.Error(w.String())
	}
	// What was done is in the store, the rest is not.
	again, err := New().Data("fashion-mnist(n=51)").Prune(0, 0.1, 0.2).Sweep(context.Background())
	if err != nil || !again.Results[0].Stored || again.Results[1].Stored || again.Results[2].Stored {
		t.Errorf("%v, %v", again, err)
	}
	dead, stop := context.WithCancel(context.Background())
	stop()
	if _, err := New().Run(dead); !errors.Is(err, context.Canceled) {
		t.Errorf("run with an ended context: %v", err)
	}
}

func TestSweepWithAPointThatFails(t *testing.T) {
	w, err := New().Data("fashion-mnist(n=50)|fashion-mnist(n=99999)").Sweep(context.Background())
	if err != nil || len(w.Results) != 1 || len(w.Failed) != 1 || !strings.Contains(w.String(), "failed: L1 data: n=99999 is more than the 10000 images") {
		t.Errorf("%v, %v", w, err)
	}
	if _, err := New().Data("fashion-mnist(n=99998)|fashion-mnist(n=99999)").Sweep(context.Background()); err == nil {
		t.Error("a sweep of which no point can be built has no error")
	}
}

func TestCompare(t *testing.T) {
	a := mustRun(t, New().Data("fashion-mnist(n=50)").CPU(ISA("go"))).As("plain")
	b := mustRun(t, New().Data("fashion-mnist(n=50)"))
	c, err := Compare(context.Background(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Rounds < 11 || !(c.Low <= c.Ratio && c.Ratio <= c.High) || c.Accuracy == nil || c.Unpaired || c.NameA != "plain" {
		t.Errorf("%+v", c)
	}
	// The verdict is the rule applied to the interval, whatever this machine does.
	want := CannotTell
	if c.High < 0.99 {
		want = Faster
	} else if c.Low > 1.01 {
		want = Slower
	}
	if c.Verdict != want {
		t.Errorf("verdict %q of %v to %v", c.Verdict, c.Low, c.High)
	}
	x, y, err := Pair("plain", b.SpecHash[:8])
	if err != nil || x != a || y.SpecHash != b.SpecHash {
		t.Errorf("pair %v %v, %v", x, y, err)
	}
	if x, y, err = Pair(); err != nil || x != a || y != b {
		t.Errorf("the last two: %v %v, %v", x, y, err)
	}
	for _, names := range [][]string{{"plan", "plain"}, {"one"}, {"", ""}} {
		if _, _, err := Pair(names...); err == nil {
			t.Errorf("pair of %q", names)
		}
	}
	// A stored result is built anew from its Spec.
	all, err := StoredResults()
	if err != nil {
		t.Fatal(err)
	}
	s := all[len(all)-1]
	if _, err := Compare(context.Background(), s, b); err != nil {
		t.Error(err)
	}
	if u := CompareStored(s, b); !u.Unpaired || u.Verdict != CannotTell || u.Ratio <= 0 {
		t.Errorf("%+v", u)
	}
	s.run, s.Model.WeightsDigest = nil, "other"
	if _, err := Compare(context.Background(), s, b); err == nil || !strings.Contains(err.Error(), "not those that the stored result") {
		t.Errorf("other weights: %v", err)
	}
}

// TestMustRun follows the cell's context and panics with a message for the user.
func TestMustRun(t *testing.T) {
	message := func(f func()) (e *ir.Error) {
		defer func() { e, _ = recover().(*ir.Error) }()
		f()
		return nil
	}
	if e := message(func() { New().Compress("prunee(1)").MustRun() }); e == nil || !strings.HasPrefix(e.Error(), `L3 compress: unknown pass "prunee"`) {
		t.Errorf("%v", e)
	}
	if e := message(func() { New().Prune(0, 0.5).MustRun() }); e == nil || !strings.Contains(e.Error(), "sweep") {
		t.Errorf("%v", e)
	}
	CellContext = func() context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("interrupted"))
		return ctx
	}
	defer func() { CellContext = nil }()
	if e := message(func() { New().MustRun() }); e == nil || !strings.Contains(e.Error(), "interrupted") {
		t.Errorf("%v", e)
	}
	if e := message(func() { New().Prune(0, 0.5).MustSweep() }); e == nil || !strings.Contains(e.Error(), "interrupted") {
		t.Errorf("%v", e)
	}
}

// TestEmbeddedAccuracy measures the embedded networks over all 10,000 images. The counts are those that PyTorch measured
// after training (_models/train.log); f32 rounding may turn an image that sits on the fence.
func TestEmbeddedAccuracy(t *testing.T) {
	for _, c := range []struct {
		model string
		right int
	}{{"resnet8", 9278}, {"resnet8-p90", 9232}, {"vgg7", 9337}, {"mobilenetv2", 9220}} {
		if r := score(classified(t, New().Model(c.model))); r.N != 10000 || r.Top1 < float64(c.right-2)/10000 || r.Top1 > float64(c.right+2)/10000 {
			t.Errorf("%s: top-1 is %+v, want %d of 10000", c.model, r, c.right)
		}
	}
}

// kernelsOf are the four kernels that the conformance of whole networks is about.
var kernelsOf = []string{"direct dense", "direct csr", "gemm dense", "gemm csr"}

// TestKernelsAgree: for at most one of the first 1,000 images the four kernels do not all predict one class.
func TestKernelsAgree(t *testing.T) {
	for _, data := range []string{"fashion-mnist", "cifar10"} {
		t.Run(data, func(t *testing.T) {
			if data == "cifar10" {
				need.Data(t, "cifar10")
				need.Data(t, "weights", "cifar10")
			}
			for _, p := range []float64{0, 0.9} {
				var of [][]int
				for _, k := range kernelsOf {
					of = append(of, predictions(t, New().Data(data+"(n=300)").Prune(p).Primitive(k)))
				}
				if d := differing(of...); d > 0 {
					t.Errorf("prune(%v): the kernels differ in %d of 300 images", p, d)
				}
			}
		})
	}
}

// TestResNet20 is the published network over all of CIFAR-10's test images.
func TestResNet20(t *testing.T) {
	need.Data(t, "cifar10")
	need.Data(t, "weights", "cifar10")
	seen, top5, split, digest := classified(t, New().Data("cifar10").Model("resnet20").Primitive("gemm", "dense"))
	if a := score(seen, top5, split, digest); a.Top1 != 0.9173 || a.N != 10000 {
		t.Errorf("accuracy %+v, want 0.9173 of 10000", a)
	}
	if d := differing(seen.Predicted[:1000], predictions(t, New().Data("cifar10(n=1000)").Model("resnet20").Primitive("direct", "csr"))); d > 0 {
		t.Errorf("gemm dense and direct csr differ in %d of 1,000 images", d)
	}
}

// predictions are the classes of all images.
func predictions(t *testing.T, s Stack) []int {
	t.Helper()
	p, _, _, _ := classified(t, s)
	return p.Predicted
}

// classified runs the images without measuring time; what it returns is for score.
func classified(t *testing.T, s Stack) (p *Predictions, top5 []bool, split, digest string) {
	t.Helper()
	spec, err := s.Spec().point()
	if err != nil {
		t.Fatal(err)
	}
	run, err := build(context.Background(), spec, &sets{})
	if err != nil {
		t.Fatal(err)
	}
	p, top5, err = run.classify(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	return p, top5, run.set.Split, run.set.Digest
}

// differing counts the images for which not all predictions are the same.
func differing(of ...[]int) int {
	n := 0
	for i, class := range of[0] {
		if slices.ContainsFunc(of, func(p []int) bool { return p[i] != class }) {
			n++
		}
	}
	return n
}

func TestRank(t *testing.T) {
	nan := float32(0)
	nan /= nan
	for _, c := range []struct {
		v          []float32
		best, rank int // rank of class 2
	}{
		{[]float32{1, 5, 3}, 1, 1},
		{[]float32{3, 3, 3}, 0, 2},
		{[]float32{nan, 1, 2}, 2, 0},
		{[]float32{nan, nan, nan}, -1, 3},
		{[]float32{1, 2}, 1, 2},
	} {
		if got := argmax(c.v); got != c.best {
			t.Errorf("argmax of %v is %d", c.v, got)
		}
		if got := rank(c.v, 2); got != c.rank {
			t.Errorf("rank in %v is %d", c.v, got)
		}
	}
}
