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

// StallDetector notices when no unit of a track is kept although its publisher sends, whatever the cause. It logs the
// problem once, and the problem stays among the stream's problems until a unit is kept again. It belongs to one
// goroutine; a kept unit costs a few comparisons.
type StallDetector struct {
	PatienceNS int64 // ns, the least silence that is a problem; 0: the track's pace decides

	report func(*pipeline.Problem) // nil clears the problem
	log    *slog.Logger
	codec  media.Codec

	heardNS  int64      // ns, arrival of the newest data of the track; 0: none
	keptNS   int64      // ns, arrival of the newest kept unit
	pace     media.Pace // of those arrivals
	usualNS  int64      // ns between the newest two of them
	missedNS int64      // ns, since when data arrives and no unit is kept; 0: units are kept
	misses   []miss
	on       bool
}

// miss counts the units that were not kept since the last kept one, by their cause.
type miss struct {
	cause string
	n     uint64
}

// stallNS is the time in ns without a kept unit after which the detector reports a problem. It waits longer for a track
// that sends less often (media.Pace), and singleUnitStallNS for a track of one unit, whose pace is unknown.
const (
	stallNS           = int64(5 * time.Second)
	singleUnitStallNS = int64(time.Minute)
)

// Over UDP gortsplib holds packets behind a lost one until 64 more have arrived. A track of few packets, such as
// sound with many frames in each, is silent that long although it is not dead: the detector waits up to maxHeldBackNS.
const (
	heldBackPackets = 70 // packets
	maxHeldBackNS   = int64(15 * time.Second)
)

// NewStallDetector makes the detector of a track. It calls report with a problem that is new or has changed, and with
// nil when the problem is over.
func NewStallDetector(codec media.Codec, log *slog.Logger, report func(*pipeline.Problem)) *StallDetector {
	return &StallDetector{codec: codec, log: log, report: report}
}

// Kept records that a unit that arrived at mono, ns of the steady clock, was kept.
func (d *StallDetector) Kept(mono int64) {
	if d.keptNS != 0 && mono > d.keptNS { // units that arrive together count as one arrival
		d.usualNS = mono - d.keptNS
		d.pace.See(d.usualNS, mono, uint32(time.Second))
	}
	d.heardNS = max(d.heardNS, mono)
	d.keptNS, d.missedNS, d.misses = mono, 0, d.misses[:0]
	if d.on {
		d.on = false
		d.report(nil)
		d.log.Info("the track is recorded again", "codec", d.codec.String())
	}
}

// Left records that no more data of the track is expected.
func (d *StallDetector) Left() {
	d.missedNS, d.misses = 0, d.misses[:0]
	if d.on {
		d.on = false
		d.report(nil)
	}
}

// Missed records that n units, or parts of them, were not kept.
func (d *StallDetector) Missed(mono int64, cause string, n uint64) {
	d.heardNS = max(d.heardNS, mono)
	if d.missedNS == 0 {
		d.missedNS = mono
	}
	d.note(cause, n)
}

// note counts a possible cause.
func (d *StallDetector) note(cause string, n uint64) {
	for i := range d.misses {
		if d.misses[i].cause == cause {
			d.misses[i].n += n
			return
		}
	}
	d.misses = append(d.misses, miss{cause, n})
}

// Look reports the track's problem at a time, whose reading of the steady clock is mono. began is the arrival of the
// publisher's first data.
func (d *StallDetector) Look(at time.Time, mono, began int64) {
	since, silent := d.missedNS, false
	if since == 0 || mono-since < stallNS {
		since, silent = max(d.heardNS, began), true
		if mono-since < max(d.patienceNS(), min(heldBackPackets*d.usualNS, maxHeldBackNS)) {
			return
		}
	}
	p := &pipeline.Problem{
		Problem: "nothing_kept", Since: at.Add(time.Duration(since - mono)),
		Cause: d.cause(silent), Remedy: d.remedy(silent), Failing: !silent || d.codec.Kind() == media.Video,
	}
	d.report(p)
	if !d.on {
		d.on = true
		d.log.Warn("no access unit of a track can be recorded", "codec", d.codec.String(), "since", p.Since, "cause", p.Cause, "remedy", p.Remedy)
	}
}

// patienceNS returns the accepted length of a silence, ns.
func (d *StallDetector) patienceNS() int64 {
	if d.heardNS != 0 && !d.pace.Known() && d.missedNS == 0 {
		return max(d.PatienceNS, singleUnitStallNS)
	}
	return max(d.PatienceNS, stallNS, d.pace.Longest())
}

func (d *StallDetector) cause(silent bool) string {
	switch {
	case silent && d.heardNS == 0:
		return fmt.Sprintf("%s: the track was announced, but nothing of it has come", d.codec)
	case silent:
		return fmt.Sprintf("%s: nothing of the track comes any more", d.codec)
	}
	d.sort()
	var list []string
	for _, m := range d.misses {
		list = append(list, fmt.Sprintf("%s %d", m.cause, m.n))
	}
	return fmt.Sprintf("%s: no access unit can be recorded: %s", d.codec, strings.Join(list, ", "))
}

func (d *StallDetector) sort() {
	slices.SortStableFunc(d.misses, func(a, b miss) int { return cmp.Compare(b.n, a.n) })
}

// remedies are the remedies by cause.
var remedies = map[string]string{
	media.DropDamaged:                "look for packet loss on the way; send over TCP instead of UDP",
	media.DropRTPLoss:                "look for packet loss on the way; send over TCP instead of UDP",
	media.DropNoParameterSets:        "have the encoder send its parameter sets, in the session description or before each key frame",
	media.DropUnreadableParameterSet: "the encoder's parameter sets cannot be read: use another profile or a newer firmware",
	media.DropNoPicture:              "the sent data has no coded picture: check the encoder's codec, and switch encryption off",
	media.DropRTPMalformed:           "the payload contradicts the announced format: check the encoder's codec, and switch encryption off",
	media.DropEndlessPicture:         "the sender neither ends a picture nor changes the time for the next one: check the encoder's settings",
	media.DropTooManyNALUnits:        "the sender puts thousands of NAL units into one access unit: look at the encoder's settings",
	media.DropTooLarge:               "the sender's pictures are larger than any level of its codec allows: look at the encoder's settings",
	media.DropIngestMemory:           "lower the bit rate, or raise memory.max",
	media.DropTooManyFrames:          "have the encoder put fewer frames of sound into a packet",
	media.DropForeignSSRC:            "two senders send to one port: have one of them take another",
	media.DropWrongPayloadType:       "the sent format differs from the announced one: check the encoder's settings",
	RepairedUndefined:                "the sent stream violates the standard: check the encoder's codec, and switch encryption off",
	RepairedBroken:                   "the sent stream violates the standard: check the encoder's codec, and switch encryption off",
	RepairedLayer:                    "only enhancement layers are sent: have the encoder send the base layer",
	media.DropNoKeyFrame: "no picture arrives at which a decoder can start: set a key frame interval (GOP) of one or two seconds, " +
		"and no gradual refresh without recovery points",
}

func (d *StallDetector) remedy(silent bool) string {
	if silent {
		return "switch the track on at the encoder, or remove it from the publication"
	}
	for _, m := range d.misses {
		if r := remedies[m.cause]; r != "" {
			return r
		}
	}
	return "look at the encoder's settings; GET /mp4/streams counts what is left out, by cause"
}
