package dlas

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/store"
)

// record is a result as the store keeps it: with the predicted class of every image.
type record struct {
	*Result
	Seen *Predictions `json:"seen,omitempty"`
}

// recordKey is what decides whether the store has a point already: everything that its numbers depend on, and the
// environment. seed is that of random weights.
func recordKey(r *Result, dataDigest string, n, batch int, split string, seed uint64) string {
	return hashOf(r.SpecHash, r.Model.WeightsDigest, dataDigest, split, n, batch, seed, r.Environment.Build) + "-" + r.Environment.Hash
}

// openStore is the store of the user's results.
func openStore() (*store.Store, error) {
	dir, err := storeDir()
	if err != nil {
		return nil, err
	}
	return store.Open(dir), nil
}

// keep appends a result to the store. A store that cannot be written costs the record and a note, not the run.
func keep(key string, r *Result) {
	s, err := openStore()
	if err == nil {
		err = s.Append(key, record{r, r.Seen})
	}
	if err != nil {
		r.Notes = append(r.Notes, "the result was not stored: "+err.Error())
	}
}

// decodeRecord reads one record of the store.
func decodeRecord(raw json.RawMessage) (*Result, error) {
	rec := record{Result: &Result{}}
	if err := json.Unmarshal(raw, &rec); err != nil {
		return nil, err
	}
	if rec.Result == nil {
		return nil, fmt.Errorf("the record is empty")
	}
	r := rec.Result
	r.Seen, r.Stored, r.Unpaired = rec.Seen, true, true
	if r.Seen != nil && len(r.Seen.Predicted) != len(r.Seen.Labels) {
		r.Seen = nil
	}
	return r, nil
}

// StoredResults are the results of the store, oldest first. Records that cannot be read are left out.
func StoredResults() (Results, error) {
	s, err := openStore()
	if err != nil {
		return nil, err
	}
	var out Results
	_, err = s.Each(func(e store.Entry) bool {
		if r, err := decodeRecord(e.Record); err == nil {
			out = append(out, r)
		}
		return true
	})
	return out, err
}

// stored returns the newest stored result of each of the keys.
func stored(keys []string) (map[string]*Result, error) {
	s, err := openStore()
	if err != nil {
		return nil, err
	}
	found := make(map[string]*Result)
	_, err = s.Each(func(e store.Entry) bool {
		if slices.Contains(keys, e.Key) {
			if r, err := decodeRecord(e.Record); err == nil {
				found[e.Key] = r
			}
		}
		return true
	})
	return found, err
}

// AllResults are the results of the store and of this process, oldest first, each once. Without a store there are
// those of this process.
func AllResults() Results {
	all, _ := StoredResults()
	known := make(map[string]bool)
	now := Recent()
	for _, r := range now {
		known[r.SpecHash+r.Time.String()] = true
	}
	all = slices.DeleteFunc(all, func(r *Result) bool { return known[r.SpecHash+r.Time.String()] })
	return append(all, now...)
}

// Pair finds the two results that a comparison is of: by name or by a prefix of their Spec's hash, or with no names
// the last two. Among results of one name or Spec the newest counts.
func Pair(names ...string) (a, b *Result, err error) {
	all := AllResults()
	switch len(names) {
	case 0:
		if len(all) < 2 {
			return nil, nil, &ir.Error{What: fmt.Sprintf("compare needs two results, and there are %d", len(all)), Try: "run two stacks first"}
		}
		return all[len(all)-2], all[len(all)-1], nil
	case 2:
		if a, err = all.find(names[0]); err != nil {
			return nil, nil, err
		}
		b, err = all.find(names[1])
		return a, b, err
	}
	return nil, nil, &ir.Error{What: fmt.Sprintf("compare takes two results, but got %d", len(names))}
}

// Find is the newest result of a name or of a prefix of its Spec's hash; of an empty name the newest of all.
func Find(name string) (*Result, error) {
	all := AllResults()
	switch {
	case name != "":
		return all.find(name)
	case len(all) == 0:
		return nil, &ir.Error{What: "there is no result yet", Try: "measure one with run"}
	}
	return all[len(all)-1], nil
}

// find returns the newest result of a name or hash prefix; a prefix of several Specs is an error.
func (rs Results) find(name string) (*Result, error) {
	var found *Result
	var names []string
	for _, r := range slices.Backward(rs) {
		if r.Name != "" {
			if r.Name == name {
				return r, nil
			}
			names = append(names, r.Name)
		}
		names = append(names, r.SpecHash)
		if name == "" || !strings.HasPrefix(r.SpecHash, name) {
			continue
		}
		if found != nil && found.SpecHash != r.SpecHash {
			return nil, &ir.Error{What: fmt.Sprintf("the hash prefix %q is of several results", name), Try: "try " + found.SpecHash + " or " + r.SpecHash}
		}
		if found == nil {
			found = r
		}
	}
	if found != nil {
		return found, nil
	}
	if len(names) == 0 {
		return nil, &ir.Error{What: fmt.Sprintf("there is no result %q, nor any other", name), Try: "run a stack first"}
	}
	slices.Sort(names)
	return nil, ir.Unknown("", "result", name, slices.Compact(names))
}
