package media

import (
	"errors"
	"strings"
)

// Cause is the reason why a segment ended or why media is missing. Files, rows of the database and answers of
// the API contain the word itself, so a value is never renamed. Package endcause lists the causes for which a
// segment ends.
type Cause string

// The causes of gaps, where media is missing or media time does not continue.
const (
	GapOverload      Cause = "overload"       // a bounded queue was full and dropped whole GOPs
	GapSourceLost    Cause = "source_lost"    // the stream had no publisher for a while
	GapTimestampJump Cause = "timestamp_jump" // the sender's clock jumped; no frame is missing
	GapClockStep     Cause = "clock_step"     // the clock that dates the recording was set; no frame is missing
	GapStall         Cause = "stall"          // the sender fell silent for longer than it usually does
	GapRTPLoss       Cause = DropRTPLoss      // the network lost packets
	GapRestart       Cause = "restart"        // the pipeline failed, and the recorder started it again
	GapNoKeyFrame    Cause = "no_key_frame"   // a file ended at its size bound, and the next file waited for a key frame
	GapTooManyFiles  Cause = "too_many_files" // the stream would have begun more than one file a second
	GapDiskFull      Cause = "disk_full"      // the disk was full
	GapNoInodes      Cause = "no_inodes"      // the file system had no free inode
	GapDiskError     Cause = "disk_error"     // the disk failed, was read-only or not mounted, or a file could not be opened
	GapDamaged       Cause = DropDamaged      // inside a file: access units lost a part, or recovery removed chunks
	GapByFlow        Cause = DropByFlow       // the go-streams flow of a stage did not return the media
	GapFurther       Cause = "further_gaps"   // inside a file: the sum of the gaps for which a list has no room
)

// The causes of drops. A drop is counted under its cause. The words are stable, for machines, and are never
// renamed. DropCauses describes each. A cause of drops that is also the cause of a gap has the same word in
// both uses.
const (
	// Causes for packets of a sender.
	DropRTPLoss          = "rtp_loss"
	DropRTPMalformed     = "rtp_malformed"
	DropForeignSSRC      = "foreign_ssrc"
	DropWrongPayloadType = "wrong_payload_type"
	DropOtherFormat      = "other_format"
	DropTooManyFrames    = "too_many_frames"
	DropBeforePlay       = "before_play"
	DropMessageMalformed = "message_malformed"
	DropSRTLoss          = "srt_loss"
	DropTSLoss           = "ts_loss"
	DropTSMalformed      = "ts_malformed"
	DropTSError          = "ts_error"
	DropScrambled        = "scrambled"
	DropHLSLoss          = "hls_loss"

	// Causes for access units and NAL units assembled from packets.
	DropDecodingOrder          = "decoding_order"
	DropUnreadableParameterSet = "parameter_set_unreadable"
	DropNoParameterSets        = "waiting_for_parameter_sets"
	DropDamaged                = "damaged"
	DropNoPicture              = "no_picture"
	DropSplit                  = "split_access_unit"
	DropEndlessPicture         = "picture_without_end"
	DropTooManyNALUnits        = "too_many_nal_units"
	DropIngestMemory           = "ingest_memory"
	DropClocksDisagree         = "clocks_disagree"

	// Causes for access units that Builder.Append refuses.
	DropNoKeyFrame       = "waiting_for_key_frame"
	DropTimeNotAdvancing = "time_not_advancing"
	DropTimeOutOfRange   = "time_out_of_range"
	DropTooLarge         = "too_large"
	DropEmpty            = "empty"
	DropRefused          = "refused"

	// Causes for access units in the stages of a pipeline; see also GapOverload and the following gap causes.
	DropBeforeKeyFrame = "before_key_frame"
	DropNotDecodable   = "not_decodable_alone"
	DropOutOfOrder     = "out_of_order"
	DropByFlow         = "left_out_by_flow"
)

// The things that a cause counts.
const (
	countsPackets = "packets"
	countsUnits   = "access units"
)

// DropCause describes a cause of drops.
type DropCause struct {
	Word   string
	Counts string // plural noun for the counted things
	Doc    string // clause with the reason
}

// DropCauses lists the causes of drops in the order in which media passes the places that drop, from the source
// to the sink. A stage of another module may use further causes.
var DropCauses = []DropCause{
	{DropRTPLoss, countsPackets, "lost on the way"},
	{DropRTPMalformed, countsPackets, "they contradict their format"},
	{DropForeignSSRC, countsPackets, "of another sender than the track's"},
	{DropWrongPayloadType, countsPackets, "of a payload type that was not announced"},
	{DropOtherFormat, countsPackets, "of a format that is announced beside the one that is recorded"},
	{DropTooManyFrames, countsPackets, "of more than 1,024 frames of sound"},
	{DropBeforePlay, countsPackets, "a camera sent more than 4 MiB before its stream was played"},
	{DropMessageMalformed, "messages", "they contradict the format of their protocol"},
	{DropSRTLoss, countsPackets, "lost on the way, and not sent again in time"},
	{DropTSLoss, countsPackets, "of a transport stream, lost on the way"},
	{DropTSMalformed, countsPackets, "of a transport stream: they, or the data in them, contradict their format"},
	{DropTSError, countsPackets, "of a transport stream: their sender says that they are damaged"},
	{DropScrambled, countsPackets, "of a transport stream: they are encrypted"},
	{DropHLSLoss, "segments", "or parts of them, of a playlist: it says that they are missing, or they could not be fetched or read"},
	{DropDecodingOrder, "NAL units", "they came when those behind them had gone on"},
	{DropUnreadableParameterSet, "parameter sets", "not to be read"},
	{DropNoParameterSets, countsUnits, "no parameter sets have come yet"},
	{DropDamaged, countsUnits, "a part of them was lost"},
	{DropNoPicture, countsUnits, "without a picture"},
	{DropSplit, countsUnits, "the rest of one that was written already"},
	{DropEndlessPicture, countsUnits, "they went on for ten seconds"},
	{DropTooManyNALUnits, countsUnits, "of more than 4,096 NAL units"},
	{DropTooLarge, countsUnits, "of more than 64 MiB"},
	{DropIngestMemory, countsUnits, "too much is held in memory, of this publisher or of all"},
	{DropClocksDisagree, "streams", "the clocks of their tracks disagree: the log tells more"},
	{DropNoKeyFrame, countsUnits, "no key frame has come yet"},
	{DropTimeNotAdvancing, countsUnits, "their decoding time is not after that of the one before"},
	{DropTimeOutOfRange, countsUnits, "their time cannot be stored"},
	{DropEmpty, countsUnits, "without a byte"},
	{DropRefused, countsUnits, "refused for another reason"},
	{string(GapOverload), countsUnits, "a bounded queue was full: whole GOPs"},
	{DropNotDecodable, countsUnits, "key frames that cannot be decoded alone"},
	{DropBeforeKeyFrame, countsUnits, "before the first key frame of a recording"},
	{string(GapNoKeyFrame), countsUnits, "a file was ended at its bound, and the next one waits for a key frame"},
	{string(GapTooManyFiles), countsUnits, "they would have begun more than a file a second"},
	{DropByFlow, countsUnits, "the go-streams flow of a stage took them and gave nothing for them"},
	{DropOutOfOrder, countsUnits, "older than what their file holds"},
	{string(GapDiskFull), countsUnits, "the disk was full"},
	{string(GapNoInodes), countsUnits, "the filesystem took no further file"},
	{string(GapDiskError), countsUnits, "the disk failed, was read-only or away, or no file could be opened"},
}

// DescribeDrops returns one sentence that describes all causes of drops, for the reference.
func DescribeDrops() string {
	var all []string
	for _, c := range DropCauses {
		what := c.Word + " ("
		if c.Counts != countsUnits {
			what += c.Counts + "; "
		}
		all = append(all, what+c.Doc+")")
	}
	return "access units, where nothing else is said: " + strings.Join(all, ", ")
}

// OfNetwork reports whether the cause is that the network lost packets, of any protocol.
func (c Cause) OfNetwork() bool {
	return c == GapRTPLoss || c == DropTSLoss || c == DropSRTLoss || c == DropHLSLoss
}

// DropCauseOf returns the cause of drops for an access unit that Builder.Append refused with err.
func DropCauseOf(err error) string {
	switch {
	case errors.Is(err, ErrNoKeyFrame):
		return DropNoKeyFrame
	case errors.Is(err, ErrTimeBack):
		return DropTimeNotAdvancing
	case errors.Is(err, ErrEmpty):
		return DropEmpty
	case errors.Is(err, ErrTooLarge):
		return DropTooLarge
	case errors.Is(err, ErrTimeRange), errors.Is(err, ErrOffset):
		return DropTimeOutOfRange
	}
	return DropRefused
}
