package ingest

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Vigil notices when no unit of a track is kept although its publisher sends, whatever the cause. It logs the problem
// once, and the problem stays among the stream's problems until a unit is kept again. It belongs to one goroutine; a
// kept unit costs a few comparisons.
type Vigil struct {
	Patience int64 // ns, the least silence that is a problem; 0: the track's pace decides

	tell  func(*pipeline.Problem) // nil clears the problem
	log   *slog.Logger
	codec media.Codec

	heard  int64      // ns, arrival of the newest data of the track; 0: none
	kept   int64      // ns, arrival of the newest kept unit
	pace   media.Pace // of those arrivals
	usual  int64      // ns between the newest two of them
	missed int64      // ns, since when data arrives and no unit is kept; 0: units are kept
	misses []miss
	on     bool
}

// miss counts the units that were not kept since the last kept one, by their cause.
type miss struct {
	cause string
	n     uint64
}

// unkept is the time in ns without a kept unit after which the vigil reports a problem. It waits longer for a track
// that sends less often (media.Pace), and for a track of a single unit, whose pace is unknown.
const (
	unkept = int64(5 * time.Second)
	lonely = int64(time.Minute)
)

// Over UDP gortsplib holds packets behind a lost one until 64 more have arrived. A track of few packets, such as
// sound with many frames in each, is silent that long although it is not dead: the vigil waits for it up to a bound.
const (
	keptBack    = 70 // packets
	maxKeptBack = int64(15 * time.Second)
)

// NewVigil makes the vigil of a track. The vigil calls tell with a problem that is new or has changed, and with nil
// when the problem is over.
func NewVigil(codec media.Codec, log *slog.Logger, tell func(*pipeline.Problem)) *Vigil {
	return &Vigil{codec: codec, log: log, tell: tell}
}

// Kept records that a unit that arrived at mono, ns of the steady clock, was kept.
func (v *Vigil) Kept(mono int64) {
	if v.kept != 0 && mono > v.kept { // units that arrive together count as one arrival
		v.usual = mono - v.kept
		v.pace.See(v.usual, mono, uint32(time.Second))
	}
	v.heard = max(v.heard, mono)
	v.kept, v.missed, v.misses = mono, 0, v.misses[:0]
	if v.on {
		v.on = false
		v.tell(nil)
		v.log.Info("the track is kept again", "codec", v.codec.String())
	}
}

// Leave records that no more data of the track is expected.
func (v *Vigil) Leave() {
	v.missed, v.misses = 0, v.misses[:0]
	if v.on {
		v.on = false
		v.tell(nil)
	}
}

// Missed records that n units, or parts of them, were not kept.
func (v *Vigil) Missed(mono int64, cause string, n uint64) {
	v.heard = max(v.heard, mono)
	if v.missed == 0 {
		v.missed = mono
	}
	v.note(cause, n)
}

// note counts a possible cause.
func (v *Vigil) note(cause string, n uint64) {
	for i := range v.misses {
		if v.misses[i].cause == cause {
			v.misses[i].n += n
			return
		}
	}
	v.misses = append(v.misses, miss{cause, n})
}

// Look reports the track's problem at a time, whose reading of the steady clock is mono. began is the arrival of the
// publisher's first data.
func (v *Vigil) Look(at time.Time, mono, began int64) {
	since, silent := v.missed, false
	if since == 0 || mono-since < unkept {
		since, silent = max(v.heard, began), true
		if mono-since < max(v.patience(), min(keptBack*v.usual, maxKeptBack)) {
			return
		}
	}
	p := &pipeline.Problem{
		Problem: "nothing_kept", Since: at.Add(time.Duration(since - mono)),
		Cause: v.cause(silent), Remedy: v.remedy(silent), Failing: !silent || v.codec.Kind() == media.Video,
	}
	v.tell(p)
	if !v.on {
		v.on = true
		v.log.Warn("nothing of a track can be kept", "codec", v.codec.String(), "since", p.Since, "cause", p.Cause, "remedy", p.Remedy)
	}
}

// patience returns the accepted length of a silence, ns.
func (v *Vigil) patience() int64 {
	if v.heard != 0 && !v.pace.Known() && v.missed == 0 {
		return max(v.Patience, lonely)
	}
	return max(v.Patience, unkept, v.pace.Longest())
}

func (v *Vigil) cause(silent bool) string {
	switch {
	case silent && v.heard == 0:
		return fmt.Sprintf("%s: the track was announced, but nothing of it has come", v.codec)
	case silent:
		return fmt.Sprintf("%s: nothing of the track comes any more", v.codec)
	}
	v.sort()
	var list []string
	for _, m := range v.misses {
		list = append(list, fmt.Sprintf("%s %d", m.cause, m.n))
	}
	return fmt.Sprintf("%s: nothing of what comes can be kept: %s", v.codec, strings.Join(list, ", "))
}

func (v *Vigil) sort() {
	slices.SortStableFunc(v.misses, func(a, b miss) int { return cmp.Compare(b.n, a.n) })
}

// remedies are the remedies by cause.
var remedies = map[string]string{
	media.DropDamaged:                "look for packet loss on the way; send over TCP instead of UDP",
	media.DropRTPLoss:                "look for packet loss on the way; send over TCP instead of UDP",
	media.DropNoParameterSets:        "have the encoder send its parameter sets, in the session description or before each key frame",
	media.DropUnreadableParameterSet: "the encoder's parameter sets cannot be read: use another profile or a newer firmware",
	media.DropNoPicture:              "no coded picture is in what is sent: look at the encoder's codec, and switch encryption off",
	media.DropRTPMalformed:           "the payload is not what was announced: look at the encoder's codec, and switch encryption off",
	media.DropEndlessPicture:         "the sender neither ends a picture nor gives the next one another time: look at the encoder's settings",
	media.DropTooManyNALUnits:        "the sender puts thousands of NAL units into one access unit: look at the encoder's settings",
	media.DropTooLarge:               "the sender's pictures are larger than any level of its codec allows: look at the encoder's settings",
	media.DropIngestMemory:           "lower the bit rate, or raise memory.max",
	media.DropTooManyFrames:          "have the encoder put fewer frames of sound into a packet",
	media.DropForeignSSRC:            "two senders send to one port: have one of them take another",
	media.DropWrongPayloadType:       "what is sent is not what was announced: look at the encoder's settings",
	RepairedUndefined:                "what is sent is no standard stream: look at the encoder's codec, and switch encryption off",
	RepairedBroken:                   "what is sent is no standard stream: look at the encoder's codec, and switch encryption off",
	RepairedLayer:                    "only enhancement layers are sent: have the encoder send the base layer",
	media.DropNoKeyFrame: "no picture comes that a decoder could start at: set a key frame interval (GOP) of one or two seconds, " +
		"and no gradual refresh without recovery points",
}

func (v *Vigil) remedy(silent bool) string {
	if silent {
		return "switch the track on at the encoder, or take it out of what is published"
	}
	for _, m := range v.misses {
		if r := remedies[m.cause]; r != "" {
			return r
		}
	}
	return "look at the encoder's settings; GET /mp4/streams counts what is left out, by cause"
}
