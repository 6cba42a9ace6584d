package data

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestImageNetForms: the same two pictures with the same classes in each form that the set comes in.
func TestImageNetForms(t *testing.T) {
	var words strings.Builder
	for i := range imagenetClasses {
		fmt.Fprintf(&words, "n%08d name %d, other\n", 1000+i, i)
	}
	mapping := []byte(words.String())
	official := map[string][]byte{officialName(1): red(1), officialName(2): red(2)}
	with := func(m map[string][]byte, more map[string][]byte) map[string][]byte {
		out := map[string][]byte{}
		for _, m := range []map[string][]byte{m, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	for name, files := range map[string]map[string][]byte{
		"val.txt":  with(official, map[string][]byte{"val.txt": []byte(officialName(1) + " 7\n" + officialName(2) + " 999\n")}),
		"solution": with(official, map[string][]byte{"LOC_synset_mapping.txt": mapping, "LOC_val_solution.csv": []byte("ImageId,PredictionString\nILSVRC2012_val_00000002,n00001999 1 2 3 4\nILSVRC2012_val_00000001,n00001007 1 2 3 4\n")}),
		"folders":  {"LOC_synset_mapping.txt": mapping, "val/n00001007/a.JPEG": red(1), "val/n00001999/b.JPEG": red(2)},
		"labels":   {"a.JPEG": red(1), "b.JPEG": red(2), "labels.tsv": []byte("a.JPEG\t7\nb.JPEG\t999\n")},
	} {
		dir := plant(t, t.TempDir(), map[string][]byte{})
		plant(t, filepath.Join(dir, "imagenet"), files)
		s := open(t, Env{Dir: dir}, "imagenet")
		if got := reds(t, s); got != "1:7 2:999" || s.Name != "imagenet" || s.MinClasses != 1000 || !strings.Contains(s.Caveat, "these are 2 pictures") {
			t.Errorf("%s: %s, %d classes, %q", name, got, s.MinClasses, s.Caveat)
		}
	}
	dir := plant(t, t.TempDir(), official)
	if _, err := Open(choice("imagenet", dir), Env{}); err == nil || !strings.Contains(err.Error(), "has pictures and no file that gives their classes") {
		t.Errorf("without classes: %v", err)
	}
	if _, err := Open(choice("imagenet"), Env{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "imagenet is not here") {
		t.Errorf("without pictures: %v", err)
	}
}
