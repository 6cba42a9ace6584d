// Package pipe is the framed conversation between the front (the process that owns the Jupyter sockets) and the
// session (its child, where cells run).
//
// A frame has a kind, the id of the request it belongs to, a JSON body and raw buffers. Many requests may be open at
// once: completion while a cell runs, an interrupt, a comm message. Frames from one side arrive in the order sent.
//
// File descriptors 1 and 2 of the session are pipes that the front reads as well, so native prints are seen. At the
// end of a cell the session writes a random marker of its own into both and names it in [Done]: the front answers the
// client once it has seen the marker in both (or their end), so no output is late.
package pipe

import (
	"encoding/json"
	"time"
)

// Kind names what a frame's body is.
type Kind string

// From front to session. Each carries a fresh request id in ID and is answered by exactly one Done, Completed,
// Inspected, Judged or Restored frame with the same id; Interrupt and InputReply have no answer.
const (
	KindExecute    Kind = "execute"     // body Execute; answered by Done
	KindComplete   Kind = "complete"    // body Cursor; answered by Completed
	KindInspect    Kind = "inspect"     // body Cursor; answered by Inspected
	KindIsComplete Kind = "is_complete" // body Cursor (Pos unused); answered by Judged
	KindInterrupt  Kind = "interrupt"   // Parent = request to stop, 0 = all, Handlers = none; handlers of comms stop in any case
	KindInputReply Kind = "input_reply" // Parent = the execute request; body Input
	KindReset      Kind = "reset"       // forget all cells; answered by Done
	KindUsage      Kind = "usage"       // answered by Done with Usage set
	KindCommOpen   Kind = "comm_open"   // body Comm, buffers; both ways. To the session, these are answered by Done once the comm has it
	KindCommMsg    Kind = "comm_msg"
	KindCommClose  Kind = "comm_close"
	KindDebug      Kind = "debug" // body: a Debug Adapter Protocol request, answered by Done
)

// Handlers is the request that there never is: an interrupt of it stops handlers of comms alone.
const Handlers = ^uint64(0)

// From session to front. Parent is the request the output belongs to.
const (
	KindReady        Kind = "ready"         // first frame of a session, and again when what it says has changed; body Ready
	KindStream       Kind = "stream"        // body Stream
	KindDisplay      Kind = "display"       // body Display
	KindUpdate       Kind = "update"        // body Display with DisplayID
	KindClear        Kind = "clear"         // body Clear
	KindResult       Kind = "result"        // body Display: the value of the cell's last expression
	KindError        Kind = "error"         // body Error
	KindPayload      Kind = "payload"       // body: one payload object of an execute_reply
	KindInputRequest Kind = "input_request" // body Input
	KindDebugEvent   Kind = "debug_event"
	KindDone         Kind = "done" // body Done
	KindCompleted    Kind = "completed"
	KindInspected    Kind = "inspected"
	KindJudged       Kind = "judged"
)

// Frame is one message. Body is the JSON of the struct that Kind names; Buffers travel as raw bytes after it.
type Frame struct {
	Kind    Kind            `json:"kind"`
	ID      uint64          `json:"id,omitempty"`
	Parent  uint64          `json:"parent,omitempty"`
	Shell   string          `json:"shell,omitempty"` // the subshell it came through; what is of different shells runs at once
	Body    json.RawMessage `json:"body,omitempty"`
	Buffers [][]byte        `json:"-"`
}

// Execute asks for a cell to be run.
type Execute struct {
	Code            string            `json:"code"`
	Count           int               `json:"count"`             // execution count, the n of In[n]
	CellID          string            `json:"cell_id,omitempty"` // the notebook's id of the cell, where the client sent one
	Silent          bool              `json:"silent,omitempty"`
	Unstored        bool              `json:"unstored,omitempty"` // it is no part of the history
	AllowStdin      bool              `json:"allow_stdin,omitempty"`
	UserExpressions map[string]string `json:"user_expressions,omitempty"`
}

// Cursor is code with a position in it, counted in Unicode code points as Jupyter counts since protocol 5.2.
type Cursor struct {
	Code   string `json:"code"`
	Pos    int    `json:"pos"`
	Detail int    `json:"detail,omitempty"` // of inspect: 0 signature and doc, 1 source too
}

// Ready says what the session is.
type Ready struct {
	PID         int      `json:"pid"`
	GoVersion   string   `json:"go_version"`             // of the language it runs, without the "go" in front
	CommTargets []string `json:"comm_targets,omitempty"` // targets a client may open a comm to; the front closes all others
}

// Stream is text for stdout or stderr; a long one is the frame's only buffer instead of Text. See [DecodeStream].
type Stream struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Display is a MIME bundle. Values of application/json (and other +json types) are JSON, all others are strings, binary ones in base64.
type Display struct {
	Data      map[string]any `json:"data"`
	Metadata  map[string]any `json:"metadata,omitempty"`
	DisplayID string         `json:"display_id,omitempty"`
}

// Clear empties the cell's output, at once or with the next output.
type Clear struct {
	Wait bool `json:"wait"`
}

// Input is a question for the user, or the answer to one.
type Input struct {
	Prompt   string `json:"prompt,omitempty"`
	Password bool   `json:"password,omitempty"`
	Value    string `json:"value,omitempty"`
}

// Error is what ended a cell, in Jupyter's three parts.
type Error struct {
	Name      string   `json:"ename"`
	Value     string   `json:"evalue"`
	Traceback []string `json:"traceback"`
	Aside     bool     `json:"aside,omitempty"` // it is shown in the cell's place and is not the cell's: of a handler
}

// Done ends a request that was executed. Err is nil for success; it was sent as an error frame before.
type Done struct {
	Err         *Error                    `json:"err,omitempty"`
	Interrupted bool                      `json:"interrupted,omitempty"`
	Left        int                       `json:"left,omitempty"`   // calls of compiled code that go on after an interrupt
	Marker      string                    `json:"marker,omitempty"` // of NewMarker, written to file descriptors 1 and 2 before this frame
	Expressions map[string]map[string]any `json:"expressions,omitempty"`
	Usage       map[string]any            `json:"usage,omitempty"`
	Reply       json.RawMessage           `json:"reply,omitempty"` // of debug
}

// SecondInterrupt is how long after a cell was interrupted that has left calls behind another interrupt ends the session.
const SecondInterrupt = 10 * time.Second

// Completed lists what could stand at the cursor. Start and End are code points.
type Completed struct {
	Matches []Match `json:"matches"`
	Start   int     `json:"start"`
	End     int     `json:"end"`
}

// Match is one candidate; Type is Jupyter's word for the icon (function, struct, module, keyword, magic, ...).
type Match struct {
	Text      string `json:"text"`
	Type      string `json:"type,omitempty"`
	Signature string `json:"signature,omitempty"`
}

// Inspected is what is known of the name at the cursor.
type Inspected struct {
	Found bool           `json:"found"`
	Data  map[string]any `json:"data,omitempty"`
}

// Judged says whether code is complete, incomplete, invalid or unknown, and how the next line is indented.
type Judged struct {
	Status string `json:"status"`
	Indent string `json:"indent,omitempty"`
}

// Comm is a message of a comm; the target's name is set on open only.
type Comm struct {
	ID       string          `json:"comm_id"`
	Target   string          `json:"target_name,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Maker    uint64          `json:"maker,omitempty"` // of an open of the session: the request that its handlers' output belongs to, if another
}
