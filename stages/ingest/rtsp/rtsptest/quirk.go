package rtsptest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Quirk is one deviation of cameras from the behaviour that a client expects. A nil or zero field stands for the
// behaviour of a good camera.
type Quirk struct {
	Name string // also the path of the quirk's URL
	Doc  string // the cameras that have the quirk

	Clip    string            // name of the clip in Clips; empty: H264
	Film    func(*Clip) *Clip // makes the played clip from the clip named by Clip; nil: that clip is played
	Auth    []string          // challenges, in order: Basic, or an algorithm of Digest; empty: no access control
	NoTCP   bool              // refuses media over TCP with 461
	Timeout time.Duration     // of a session without requests; 0: a minute
	Public  string            // methods that OPTIONS lists; empty: all that the camera has
	Mode    string            // packetization-mode of H.264, and parameters after it; empty: 1

	// Stale reports whether the nonce in the credentials of a request is no longer valid.
	Stale func(s *Session, method string) bool
	// Describe rewrites the session description.
	Describe func(s *Session, sdp string) string
	// Answer changes an answer before the camera sends it.
	Answer func(x *Exchange)
	// Bytes rewrites the bytes of an answer.
	Bytes func([]byte) []byte
	// Payloads makes the packetiser of a video track for one session.
	Payloads func(t *Sender) Packetiser
	// Wire makes a function for one session. The camera passes the packets of each access unit to the function, and
	// sends the packets that the function returns.
	Wire func(s *Session) func([]Packet) []Packet
	// Before returns the bytes that the camera sends before interleaved frame n of a session.
	Before func(n int) []byte
	// NoReports makes the camera send no sender reports.
	NoReports bool
}

var quirks = map[string]*Quirk{}

func add(q Quirk) {
	if quirks[q.Name] != nil {
		panic(fmt.Sprintf("rtsptest: quirk %q twice", q.Name))
	}
	q.Clip = cmp.Or(q.Clip, H264)
	q.Timeout = cmp.Or(q.Timeout, time.Minute)
	q.Public = cmp.Or(q.Public, "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER")
	q.Mode = cmp.Or(q.Mode, "1")
	quirks[q.Name] = &q
}

// quirkOf returns the quirk of a path, or nil. It ignores a tilde and the text after it: see Camera.URL.
func quirkOf(path string) *Quirk { return quirks[before(path, "~")] }

// Quirks returns all quirks, sorted by name.
func Quirks() (out []*Quirk) {
	for _, q := range quirks {
		out = append(out, q)
	}
	slices.SortFunc(out, func(a, b *Quirk) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
