package kernel

import (
	"fmt"
	"os"
	"sync"

	"github.com/godlas/godlas/kernel/internal/schema"
)

// CheckEnv is the environment variable that makes a kernel hold everything it sends against the protocol's schemas, and end
// with a panic at the first message that is wrong. Every test that starts a kernel sets it.
const CheckEnv = "DLAS_CHECK_MESSAGES"

var checking = sync.OnceValue(func() bool { return os.Getenv(CheckEnv) != "" })

// checkSent checks the frames of a message, of which the first prefix ones are before the delimiter.
func checkSent(way schema.Way, prefix int, frames [][]byte) {
	if !checking() {
		return
	}
	p := frames[prefix+2:]
	m := schema.Message{Way: way, Prefix: frames[:prefix], Header: p[0], Parent: p[1], Metadata: p[2], Content: p[3]}
	if err := schema.Check(m); err != nil {
		panic(fmt.Sprintf("kernel: a message against the protocol: %v\nheader %s\nparent %s\nmetadata %s\ncontent %.2000s", err, p[0], p[1], p[2], p[3]))
	}
}
