package plotting

import (
	"math"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas"
)

// searched is a result of a tuned schedule with made-up candidates.
func searched() *dlas.Result {
	r := made("none", "auto", 0.9173, 2.6)
	r.Spec.Schedule = "tuned(12)"
	candidate := func(kernel string, ms float64, tiles ...int) dlas.TunedCandidate {
		return dlas.TunedCandidate{Kernel: kernel, Tiles: tiles, MS: ms, Median: ms * 1.06}
	}
	const direct, winograd, csr = "conv_f32_direct_dense__avx2", "conv_f32_winograd_dense__avx2", "conv_f32_direct_csr__avx2"
	r.Tuning = &dlas.Tuning{Trials: 12, New: 12, Space: 30, Seconds: 1.5, Nodes: []dlas.TunedNode{
		{
			Names: []string{"conv1"}, Heuristic: direct, Chosen: direct, Ratio: 1, Low: 1, High: 1, Space: 10,
			Candidates: []dlas.TunedCandidate{candidate(direct, 0.2), candidate(winograd, 0.31), candidate(csr, 0.7), candidate(direct, 0.24, 3)},
		},
		{
			Names: []string{"stack1.conv1", "stack1.conv2"}, Heuristic: winograd, Chosen: winograd + "[4 2 1]", Ratio: 0.8, Low: 0.78, High: 0.83, Space: 20,
			Candidates: []dlas.TunedCandidate{candidate(winograd, 0.4), candidate(winograd, 0.32, 4, 2, 1), candidate(winograd, 0.52, 2, 2, 1), candidate(direct, 0.9), candidate(csr, 2.2)},
		},
		{Names: []string{"fc"}, Heuristic: "linear_f32_dense__avx2", Chosen: "linear_f32_dense__avx2", Ratio: 1, Low: 1, High: 1, Space: 2},
	}}
	return r
}

// TestLandscapeHasEveryCandidate: a row of the CSV for each, with its time over that of heuristic, and one chosen a node.
func TestLandscapeHasEveryCandidate(t *testing.T) {
	f, err := Plot("landscape", []*dlas.Result{searched()})
	if err != nil {
		t.Fatal(err)
	}
	chosen := map[string]string{}
	all := rows(t, f)
	for _, r := range all {
		if r["chosen"] == "true" {
			chosen[r["node"]] = r["candidate"]
		}
		if r["candidate"] == "conv_f32_direct_csr__avx2" && r["node"] == "conv1" && math.Abs(value(t, r, "time / heuristic")-3.5) > 1e-9 {
			t.Errorf("%v", r)
		}
	}
	if len(all) != 9 || len(chosen) != 2 || chosen["stack1.conv1 +1"] != "conv_f32_winograd_dense__avx2[4 2 1]" || !strings.Contains(f.Caption, "n = 9 of 30") {
		t.Errorf("%d rows, chosen %v, %s", len(all), chosen, f.Caption)
	}
	if many, err := Plot("landscape", append(levels(), searched(), levels()[0])); err != nil || len(rows(t, many)) != len(all) {
		t.Errorf("among other results: %v", err)
	}
	for _, c := range []struct {
		rs   []*dlas.Result
		args []string
		want string
	}{
		{levels()[:1], nil, "L5 schedule: the result has no candidates: its schedule is heuristic; set schedule tuned(300) and run"},
		{levels(), nil, "L5 schedule: the result has no candidates"},
		{[]*dlas.Result{searched()}, []string{"x=latency"}, "landscape has neither"},
	} {
		if _, err := Plot("landscape", c.rs, c.args...); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
