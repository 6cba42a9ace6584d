package kernel

import (
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/godlas/godlas/kernel/internal/pipe"
	"github.com/godlas/godlas/kernel/internal/wire"
	"github.com/godlas/godlas/kernel/internal/zmtp"
)

// usagePatience is how long a session may take to say what it knows of itself; its processes are looked at from outside.
const usagePatience = 200 * time.Millisecond

// consumption remembers what processes had used when it was last asked: the use of processors is over the time since then.
type consumption struct {
	mu   sync.Mutex
	at   time.Time
	cpu  map[int]time.Duration // processor time by process
	busy time.Duration         // of the machine
	all  time.Duration
}

// usage answers as ipykernel does for jupyter-resource-usage: kernel_cpu in percent of one processor and kernel_memory in
// bytes (PSS where the system knows it), both of the front, the session and all that cells have started.
func (f *front) usage(sock *zmtp.Socket, m *wire.Message) {
	host, _ := os.Hostname()
	c := content{"hostname": host, "cpu_count": runtime.NumCPU()}
	r := newRequest(m)
	if f.work.alive() && f.work.send(pipe.KindUsage, r, struct{}{}) == nil {
		select {
		case frame, ok := <-r.answer:
			if d, err := pipe.Decode[pipe.Done](frame); ok && err == nil {
				for k, v := range d.Usage {
					c[k] = v
				}
			}
		case <-time.After(usagePatience):
		}
	}
	c["pid"] = os.Getpid()
	f.used.read(c)
	f.reply(sock, m, c)
}
