package zmtp

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// A client that was welcomed must get every message from then on: so it is welcomed when zmq4, which notes a
// subscription some time after it has read it, comes for what is next.
func TestWelcomeWaitsForTheSubscription(t *testing.T) {
	s := bind(t, Config{Type: zmq4.XPub, Welcome: func(topic []byte) [][]byte { return [][]byte{topic, []byte("welcome")} }})
	ours, peer := net.Pipe()
	defer peer.Close()
	c := newConn(s.l, ours, bufio.NewReader(ours))
	defer c.Close()
	go c.write()
	go peer.Write(appendFrame(nil, 0, []byte("\x01kernel")))
	if _, err := io.ReadFull(c, make([]byte, 2+7)); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	early := len(c.queue)
	c.mu.Unlock()
	if early > 0 {
		t.Error("the peer is welcomed before zmq4 has had time to note its subscription")
	}
	go c.Read(make([]byte, 1))
	peer.SetReadDeadline(time.Now().Add(20 * time.Second))
	want := encode([][]byte{[]byte("kernel"), []byte("welcome")})
	got := make([]byte, len(want))
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != string(want) {
		t.Errorf("the welcome is %q, %v", got, err)
	}
}
