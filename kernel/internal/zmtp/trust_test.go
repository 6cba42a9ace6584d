package zmtp

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// say sends a message of the peer and waits until it has come.
func (p *rawPeer) say(s *Socket, text string) {
	p.t.Helper()
	p.send(appendFrame(nil, 0, []byte(text)))
	for {
		if f := recvFrames(p.t, s); string(f[len(f)-1]) == text {
			return
		}
	}
}

// Where there is no place left, strangers give way, the one that was silent for longest first, and clients do not.
func TestStrangersGiveWay(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Conns: 3}})
	client := shaken(t, s, zmq4.Dealer, "client")
	s.Vouch([]byte("client"))
	first, second := shaken(t, s, zmq4.Dealer, "first"), shaken(t, s, zmq4.Dealer, "second")
	first.say(s, "later than the second")
	shaken(t, s, zmq4.Dealer, "third")
	wantCut(t, second)
	shaken(t, s, zmq4.Dealer, "fourth")
	wantCut(t, first)
	for range 10 {
		shaken(t, s, zmq4.Dealer, "")
	}
	client.say(s, "still here")
	// Who is vouched for by what it has sent to another socket keeps its place from the start.
	s.Vouch([]byte("elsewhere"))
	shy := shaken(t, s, zmq4.Dealer, "elsewhere")
	for range 10 {
		shaken(t, s, zmq4.Dealer, "")
	}
	shy.say(s, "as well")
}

// A subscriber is silent by nature, so a new one does not take the place of one that reads, but of one that does not.
func TestSubscribersThatReadStay(t *testing.T) {
	s := bind(t, Config{Type: zmq4.XPub, Limits: Limits{Conns: 2}, Welcome: func(topic []byte) [][]byte { return [][]byte{topic} }})
	subscribe := func() *rawPeer {
		p := shaken(t, s, zmq4.Sub, "")
		p.send(appendFrame(nil, 0, []byte{1}))
		p.frame()
		return p
	}
	reads, stuck := subscribe(), subscribe()
	late := dialRaw(t, s)
	late.send(greeting(), ready(zmq4.Sub, ""))
	wantCut(t, late)
	reads.SetDeadline(time.Now().Add(3 * patience))
	go func() { // more than the system holds for the one that does not read
		for range 32 {
			s.Send(make([]byte, 1<<20))
		}
	}()
	for range 32 {
		if _, b, err := reads.frame(); err != nil || len(b) != 1<<20 {
			t.Fatal(err)
		}
	}
	eventually(t, func() bool { // after it has taken nothing for a second
		p := dialRaw(t, s)
		p.send(greeting(), ready(zmq4.Sub, ""))
		p.SetReadDeadline(time.Now().Add(time.Second))
		if err := p.greeted(); err != nil {
			return false
		}
		return true
	})
	wantCut(t, stuck)
	reads.SetDeadline(time.Now().Add(patience))
	s.Send([]byte("on"))
	if _, b, err := reads.frame(); err != nil || string(b) != "on" {
		t.Fatalf("%q %v", b, err)
	}
}

// greeted reads the socket's greeting and READY.
func (p *rawPeer) greeted() error {
	if _, err := p.c.br.Discard(greetingLen); err != nil {
		return err
	}
	_, _, err := p.frame()
	return err
}

func TestBlame(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Strikes: 3}})
	bad, client := shaken(t, s, zmq4.Dealer, "bad"), shaken(t, s, zmq4.Dealer, "client")
	s.Vouch([]byte("client"))
	for range 10 {
		s.Blame([]byte("bad"))
		s.Blame([]byte("client"))
		s.Blame([]byte("nobody"))
	}
	wantCut(t, bad)
	client.say(s, "a fault of its own")
}

// What strangers send is bounded together; what clients send is not.
func TestBytesOfStrangers(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Unproven: 1 << 20, Handshake: time.Minute}})
	announce := append([]byte{flagLong}, binary.BigEndian.AppendUint64(nil, 2<<20)...)
	most := make([]byte, 768<<10)
	first := shaken(t, s, zmq4.Dealer, "first")
	first.send(announce, most)
	eventually(t, func() bool { return s.l.held.Load() >= int64(len(most)) })
	second := shaken(t, s, zmq4.Dealer, "second")
	second.Write(append(bytes.Clone(announce), most...))
	wantCut(t, second)
	client := shaken(t, s, zmq4.Dealer, "client")
	s.Vouch([]byte("client"))
	client.send(announce, make([]byte, 2<<20))
	if f := recvFrames(t, s); string(f[0]) != "client" || len(f[1]) != 2<<20 {
		t.Fatalf("%d frames", len(f))
	}
	first.Close()
	eventually(t, func() bool { return s.l.held.Load() == 0 })
	// Messages that are through are not counted any more.
	third := shaken(t, s, zmq4.Dealer, "third")
	for range 5 {
		third.send(appendFrame(nil, 0, most))
		recvFrames(t, s)
	}
}

// A stranger may be silent for ever, but not in the middle of a message.
func TestStrangerStopsInAMessage(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Handshake: 300 * time.Millisecond}})
	silent, stops, client := shaken(t, s, zmq4.Dealer, "silent"), shaken(t, s, zmq4.Dealer, "stops"), shaken(t, s, zmq4.Dealer, "client")
	s.Vouch([]byte("client"))
	client.say(s, "known")
	message := appendFrame(nil, 0, []byte("slow"))
	stops.send(message[:3])
	client.send(message[:3])
	wantCut(t, stops)
	client.send(message[3:])
	if f := recvFrames(t, s); string(f[0]) != "client" || string(f[1]) != "slow" {
		t.Fatalf("%q", f)
	}
	silent.say(s, "after a while")
}

// Above the limit of all queues the peer with the longest is cut, and the others get their messages.
func TestLongestQueueIsCut(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router, Limits: Limits{Queues: 24 << 20}})
	long, short := shaken(t, s, zmq4.Dealer, "long"), shaken(t, s, zmq4.Dealer, "short")
	long.say(s, "1")
	short.say(s, "2")
	block := make([]byte, 1<<20)
	for range 8 {
		s.Send([]byte("short"), block)
	}
	for range 64 {
		s.Send([]byte("long"), block)
	}
	wantCut(t, long)
	for i := range 8 {
		if _, b, err := short.frame(); err != nil || len(b) != len(block) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

// What is sent without being asked for, the answers to PINGs, does not fill the queue of a peer that does not read.
func TestPingsWithoutReading(t *testing.T) {
	s := bind(t, Config{Type: zmq4.Router})
	p := shaken(t, s, zmq4.Dealer, "p")
	ping := appendFrame(nil, flagCommand, append([]byte("\x04PING\x00\x00"), make([]byte, 4000)...))
	p.SetDeadline(time.Now().Add(3 * patience))
	for range 256 { // 64 MB, more than the system's buffers take
		p.send(bytes.Repeat(ping, 64))
	}
	p.say(s, "all are read")
	if n := s.l.queued.Load(); n > maxUnread+maxCommand+64 {
		t.Errorf("%d bytes wait", n)
	}
}

// A message is in memory once, however many subscribers have not taken it yet.
func TestSubscribersShareMessages(t *testing.T) {
	s := bind(t, Config{Type: zmq4.XPub, Welcome: func(topic []byte) [][]byte { return [][]byte{topic} }})
	const peers, messages, size = 12, 16, 1 << 20
	for range peers {
		p := shaken(t, s, zmq4.Sub, "")
		p.send(appendFrame(nil, 0, []byte{1}))
		p.frame()
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range messages {
		s.Send(make([]byte, size))
	}
	eventually(t, func() bool { return s.l.transit.Load() == 0 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if s.l.queued.Load() < 2*messages*size {
		t.Skip("the system holds what was sent")
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4*messages*size {
		t.Errorf("%d messages of %d MB for %d subscribers take %d MB", messages, size>>20, peers, grown>>20)
	}
}
