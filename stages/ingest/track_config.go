package ingest

import (
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// TrackConfig describes a track as far as the protocol knows it.
type TrackConfig struct {
	Codec     media.Codec
	Timescale uint32 // ticks a second of the units' times; for sound the sample rate, if known
	// ParameterSets holds the known parameter sets, in the form of media.Track. The sets of a codec with NAL units may
	// also come in the stream. The sets of any other codec may also come later, by Track.Describe.
	ParameterSets [][]byte
	// Width and Height (pixels), SampleRate (Hz) and Channels matter for a codec whose parameter sets do not
	// contain them.
	Width, Height, SampleRate, Channels int

	// MinSegment is the shortest time after which other parameter sets begin a new description, and so a file. Within it they
	// stay in the stream.
	MinSegment time.Duration

	// OneClock is set if the times of all tracks with it are of one clock, as in a transport stream: time 0 of each is
	// the same moment.
	OneClock bool
	// LossCause is the cause of the gap where a unit is left out because it is damaged; empty: media.DropDamaged.
	LossCause string

	DeriveDTS bool // the units have no decoding times: the feed derives them
	// Optional is set for a track that may never send data. Before the first data of the track arrives, the feed does
	// not wait for it, does not publish it and does not report its silence.
	Optional bool
}
