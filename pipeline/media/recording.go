package media

import (
	"errors"
	"slices"
)

// State is the state of a recording or a location. It is stored unchanged.
type State string

// The states of a recording.
const (
	StateRecording State = "recording" // its file grows; with an end reason the file waits to be finished
	StateFinished  State = "finished"  // its file is complete under its final name
	StateRecovered State = "recovered" // recovery finished its file after a crash
	StateLost      State = "lost"      // its file is gone
	StateRemote    State = "remote"    // its file is gone, and another place has a whole copy: see Locations
)

// StateUnwanted is the state of a location only: its recording was deleted. The owner of that place
// deletes the file, and then the location.
const StateUnwanted State = "unwanted"

// Here reports whether the recorder has the file.
func (s State) Here() bool { return s != StateLost && s != StateRemote }

// Whole reports whether a place in this state has the whole recording.
func (s State) Whole() bool { return s == StateFinished || s == StateRecovered }

// LostInCrash describes the end of a recovered recording. Recovery reports damage in the file
// separately.
const LostInCrash = "up to flush_interval of media in memory"

// Recording describes one segment in the catalogue. A new value with the same ID replaces the
// previous one.
type Recording struct {
	ID         ID
	Stream     string
	Pipeline   string
	Path       string // path of the file, slash-separated, relative to the record directory
	Directory  string // identity of that directory; empty: the record directory of the recording's node
	State      State
	StartUTC   int64
	EndUTC     int64 // end of the last access unit
	DurationNS int64 // of the media
	SizeBytes  int64 // of the file
	Tracks     []TrackInfo
	EndReason  Cause
	Gap        Gap     // media missing before the file
	Gaps       []Gap   // media missing inside the file, see JoinGap; set when it is finished; immutable
	Anchors    Anchors // wall clock of the media; empty if unknown, as for older files; immutable
	Protected  bool
	Events     []Event // events with media in the file, as far as it names them; immutable

	// Beyond are events with media in the file that the recording cannot name. Each is in one value
	// of the recording only, and the catalogue stores it from there.
	Beyond []Event
}

// Unpooled returns a copy that shares no memory with the recording.
func (r Recording) Unpooled() Recording {
	r.Tracks, r.Gaps, r.Anchors = slices.Clone(r.Tracks), slices.Clone(r.Gaps), slices.Clone(r.Anchors)
	r.Events, r.Beyond = copyEvents(r.Events), copyEvents(r.Beyond)
	return r
}

// Check returns an error if a recording made by foreign code is not valid for a stage.
func (r Recording) Check() error {
	if r.ID == (ID{}) {
		return errors.New("it has no ID")
	}
	return nil
}

// Location is a place that has the file of a recording: the disk of a recorder, or a bucket.
type Location struct {
	Node      string // the recorder; empty for a bucket
	Directory string // identity of its record directory; empty if unknown
	Bucket    string // empty for a disk
	Path      string // as in Recording; the key in a bucket
	SizeBytes int64
	Checksum  string // algorithm:hexadecimal; empty if unknown
	State     State  // of the file at this place
}

// DeletedFile is a file of a recording that was deleted from the disk, or is being deleted.
type DeletedFile struct {
	ID   ID     // zero: the file belongs to no recording
	Path string // as in Recording
}

// TrackInfo describes a track in the catalogue.
type TrackInfo struct {
	Kind       string `json:"kind"`
	Codec      string `json:"codec"`
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	SampleRate int    `json:"sample_rate,omitempty"`
	Channels   int    `json:"channels,omitempty"`
}

// Info returns the tracks as the catalogue describes them.
func (s *TrackSet) Info() []TrackInfo {
	out := make([]TrackInfo, len(s.Tracks))
	for i := range s.Tracks {
		t := &s.Tracks[i]
		out[i] = TrackInfo{
			Kind: t.Kind().String(), Codec: t.Codec.String(),
			Width: t.Width, Height: t.Height,
			SampleRate: t.SampleRate, Channels: t.Channels,
		}
	}
	return out
}

// PartSuffix is the suffix of a growing file, and of a file that a crash left, until recovery has
// finished it. The rename to the final name removes it.
const PartSuffix = ".part"
