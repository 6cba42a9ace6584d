package dlas

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTuned: a run with a tuned schedule says what was tried, keeps it in the store, and a second one measures nothing
// anew; %dlas tune fills the store for it.
func TestTuned(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DLAS_STORE", dir)
	s := New().Data("fashion-mnist(n=20)").Tuned(25).CPU(Threads(1))
	filled, err := s.Tune(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if filled.New != 25 || filled.Trials != 25 || filled.Space < 25 || filled.Seconds <= 0 || len(filled.Nodes) == 0 {
		t.Errorf("%+v", filled)
	}
	r := mustRun(t, s)
	if r.Tuning == nil || r.Tuning.New != 0 || r.Tuning.Trials != 25 || r.Spec.Schedule != "tuned(25)" {
		t.Fatalf("%+v", r.Tuning)
	}
	// Each candidate of the first search is there, losers too, and every chosen one is bound.
	candidates := 0
	bound := map[string]string{}
	for _, n := range r.Nodes {
		if n.MACsExecuted > 0 && n.Roofline == nil || n.Roofline != nil && (*n.Roofline <= 0 || n.Bound == "") || n.MovedBytes <= 0 {
			t.Errorf("%s executes %d MACs, moves %d bytes, roofline %v by %q", n.Name, n.MACsExecuted, n.MovedBytes, n.Roofline, n.Bound)
		}
		bound[n.Name] = n.Kernel + " " + n.Schedule
	}
	for i, n := range r.Tuning.Nodes {
		candidates += len(n.Candidates)
		if n.Chosen != filled.Nodes[i].Chosen || n.Ratio != filled.Nodes[i].Ratio {
			t.Errorf("%v: %s, and then %s", n.Names, filled.Nodes[i].Chosen, n.Chosen)
		}
		for _, name := range n.Names {
			kernel, _, _ := strings.Cut(n.Chosen, "[")
			if !strings.HasPrefix(bound[name], kernel+" ") || (n.Chosen != n.Heuristic) != strings.Contains(bound[name], " tuned") {
				t.Errorf("%s: chosen %s, bound %s", name, n.Chosen, bound[name])
			}
		}
	}
	if candidates != 25 {
		t.Errorf("%d candidates in the result", candidates)
	}
	// The results' file holds the result with its candidates, and no trial is taken for a result.
	stored, err := StoredResults()
	if err != nil || len(stored) != 1 || stored[0].Tuning == nil || len(stored[0].Tuning.Nodes) != len(r.Tuning.Nodes) {
		t.Errorf("%d results in the store, %v", len(stored), err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "trials.jsonl"))
	if err != nil || strings.Count(string(lines), `"trial `) != 25 {
		t.Errorf("%d trials in the store, %v", strings.Count(string(lines), `"trial `), err)
	}
	more, err := s.Tuned(30).Tune(context.Background())
	if err != nil || more.New != 5 {
		t.Errorf("%v; going on from 25 to 30 measured %d", err, more.New)
	}
	var object map[string]any
	b, err := json.Marshal(r)
	if err != nil || json.Unmarshal(b, &object) != nil {
		t.Fatal(err)
	}
	if tuning, ok := object["tuning"].(map[string]any); !ok || tuning["trials"] != 25.0 || tuning["seconds"] == nil {
		t.Errorf("tuning in JSON: %v", object["tuning"])
	}
	if text := filled.String(); !strings.Contains(text, "25 candidates of ") || !strings.Contains(text, "best/heuristic") {
		t.Error(text)
	}
	if _, err := New().Tune(context.Background()); err == nil || !strings.Contains(err.Error(), "tuned(300)") {
		t.Errorf("tune of heuristic: %v", err)
	}
}
