package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"path/filepath"
)

//go:embed soak.py
var soakDriver []byte

// soakRuns are run of 200 different cells; memory is compared with that after soakWarm, and may have grown by soakMost bytes.
const (
	soakRuns = 20_000
	soakWarm = 1_000
	soakMost = 50e6
)

// benchSoak runs cells in the installed kernel through jupyter_client and looks at the memory of both its processes.
func benchSoak(ctx context.Context, r *report) error {
	python, driver, end, err := driven(ctx, "soak.py", soakDriver)
	if err != nil {
		return err
	}
	defer end()
	r.host()
	out, err := python(driver, fmt.Sprint(soakRuns), fmt.Sprint(soakWarm))
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(driver), err)
	}
	var got struct {
		Samples []struct {
			Runs                    int
			Seconds, Front, Session float64
		}
		Failed, Wanted int
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return err
	}
	if len(got.Samples) < 3 || got.Failed != got.Wanted {
		return fmt.Errorf("%d looks; %d cells failed and not %d", len(got.Samples), got.Failed, got.Wanted)
	}
	r.head = []string{"cells run", "time", "front", "session", "both", "more than after the first 1,000"}
	base := got.Samples[1].Front + got.Samples[1].Session
	grown := 0.0
	for i, s := range got.Samples {
		both, more := s.Front+s.Session, ""
		if i > 0 {
			grown = max(grown, both-base)
			more = fmt.Sprintf("%+.1f MB", (both-base)*1e-6)
		}
		if i < 2 || s.Runs%5000 == 0 {
			r.add(fmt.Sprint(s.Runs), fmt.Sprintf("%.0f s", s.Seconds), fmt.Sprintf("%.1f MB", s.Front*1e-6), fmt.Sprintf("%.1f MB", s.Session*1e-6), fmt.Sprintf("%.1f MB", both*1e-6), more)
		}
	}
	r.verdict = []string{
		"Memory is the PSS of the two processes. The cells are 200 different ones in turn, of 20 kinds: declarations, types with methods, generics, prints, displays, panics, mistakes, goroutines, commands.",
		fmt.Sprintf("At most %.1f MB more than after the first %d cells; at most %.0f MB are wanted.", grown*1e-6, soakWarm, soakMost*1e-6),
	}
	if grown > soakMost {
		return fmt.Errorf("%.1f MB more than after the first %d cells", grown*1e-6, soakWarm)
	}
	return nil
}
