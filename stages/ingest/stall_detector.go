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

// StallDetector notices that no unit of a track is kept although its publisher sends, or that the track is silent. A
// unit is kept if the stream accepts it. The detector logs the problem once, with the causes; the problem lasts until a
// unit is kept again. A detector belongs to one goroutine. A kept unit costs it a few comparisons.
type StallDetector struct {
	// PatienceNS is the least silence that may be a problem. stallNS and the track's pace may permit a longer silence.
	PatienceNS int64

	report func(*pipeline.Problem) // takes each problem, and nil when it ends
	log    *slog.Logger
	codec  media.Codec

	heardNS  int64      // arrival of the newest data of the track; 0: none
	keptNS   int64      // arrival of the newest kept unit
	pace     media.Pace // pace of the arrivals of kept units
	usualNS  int64      // time between the newest two arrivals of kept units
	missedNS int64      // arrival of the first unit since which none is kept; 0: units are kept
	misses   []miss     // by cause
	on       bool       // a problem is reported
}

// miss counts, for one cause, the units that the stream did not accept since the last accepted one.
type miss struct {
	cause string
	n     uint64
}

// A track from which no unit is kept for stallNS is a problem. For a silent track the limit is longer if the track
// sends less often (media.Pace). It is singleUnitStallNS for a track that has sent one unit, because its pace is
// unknown.
const (
	stallNS           = int64(5 * time.Second)
	singleUnitStallNS = int64(time.Minute)
)

// In a pause of all tracks longer than pauseNS the sender, the network or this machine stands still: a picture that is
// incomplete meanwhile may still end.
const pauseNS = int64(time.Second)

// Over UDP, gortsplib may hold the packets after a lost one back until 64 more have arrived. A track with few packets,
// such as sound with many frames in each, then seems silent meanwhile. The detector therefore waits for the usual time
// of heldBackPackets packets, but at most for maxHeldBackNS.
const (
	heldBackPackets = 70
	maxHeldBackNS   = int64(15 * time.Second)
)

// NewStallDetector returns the detector of one track. It calls report with each new or changed problem, and with
// nil when the problem ends.
func NewStallDetector(codec media.Codec, log *slog.Logger, report func(*pipeline.Problem)) *StallDetector {
	return &StallDetector{codec: codec, log: log, report: report}
}

// Kept records that the stream accepted a unit of the track, with arrival mono, ns of the steady clock. It ends the
// problem, if there is one.
func (d *StallDetector) Kept(mono int64) {
	if d.keptNS != 0 && mono > d.keptNS { // units with the same arrival count once
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

// Left records that no more data of the track is expected. If the detector has reported a problem, Left ends that
// problem.
func (d *StallDetector) Left() {
	d.missedNS, d.misses = 0, d.misses[:0]
	if d.on {
		d.on = false
		d.report(nil)
	}
}

// Missed records that n units, or parts of units, were not kept: the stream does not get them. mono is their
// arrival, ns of the steady clock. cause is the drop cause of package media.
func (d *StallDetector) Missed(mono int64, cause string, n uint64) {
	d.heardNS = max(d.heardNS, mono)
	if d.missedNS == 0 {
		d.missedNS = mono
	}
	d.note(cause, n)
}

// note adds n to the misses of a cause.
func (d *StallDetector) note(cause string, n uint64) {
	for i := range d.misses {
		if d.misses[i].cause == cause {
			d.misses[i].n += n
			return
		}
	}
	d.misses = append(d.misses, miss{cause, n})
}

// Look reports the present problem of the track, if it has one. The silence of metadata is no problem. mono is the reading of the steady clock at the time at.
// began is the arrival of the publisher's first data, or of the first data after a silence of all its tracks.
func (d *StallDetector) Look(at time.Time, mono, began int64) {
	since, silent := d.missedNS, false
	if since == 0 || mono-since < stallNS {
		since, silent = max(d.heardNS, began), true
		if d.codec.Kind() == media.Metadata || mono-since < max(d.patienceNS(), min(heldBackPackets*d.usualNS, maxHeldBackNS)) {
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

// patienceNS returns the longest silence of the track that is no problem, in ns.
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

// remedies holds, by cause, the remedies that an operator can apply.
var remedies = map[string]string{
	media.DropDamaged:                "look for packet loss on the way; send over TCP instead of UDP",
	media.DropRTPLoss:                "look for packet loss on the way; send over TCP instead of UDP",
	media.DropNoParameterSets:        "have the encoder send its parameter sets, in the session description or before each key frame",
	media.DropUnreadableParameterSet: "the encoder's parameter sets cannot be read: use another profile or a newer firmware",
	media.DropNoPicture:              "the sent data has no coded picture: check the encoder's codec, and switch encryption off",
	media.DropRTPMalformed:           "the payload contradicts the announced format: check the encoder's codec, and switch encryption off",
	media.DropTSLoss:                 "look for packet loss on the way",
	media.DropTSMalformed:            "the data contradicts the format that the transport stream announces: check the encoder's settings",
	media.DropTSError:                "the receiver of the signal finds errors that it cannot correct: check the reception",
	media.DropScrambled:              "the stream is encrypted: switch encryption off at the sender",
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
