package rtsp

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

// offer is a track of a session description that can be recorded.
type offer struct {
	media  *description.Media
	format format.Format
	config ingest.RTPConfig
}

// offers sorts the formats of a session description into those that can be
// recorded, one of each media, and the codec names of those that can't.
func offers(desc *description.Session, sdp []byte) (take []offer, leave []string) {
	words := readSaid(sdp, len(desc.Medias))
	for i, m := range desc.Medias {
		if m.IsBackChannel {
			continue
		}
		var why []string
		for _, f := range m.Formats {
			c, err := config(f, words.of(i, f.PayloadType()))
			if err != nil {
				why = append(why, err.Error())
				continue
			}
			take, why = append(take, offer{m, f, c}), nil
			break
		}
		leave = append(leave, why...)
	}
	return take, leave
}

// config is the table of the formats that can be recorded. The error is the name
// of the codec, or what is not supported about it.
func config(f format.Format, words saidFormat) (ingest.RTPConfig, error) {
	params := words.parameters
	switch f := f.(type) {
	case *format.H264:
		sets := sprop(params["sprop-parameter-sets"], f.SPS, f.PPS)
		return video(media.H264, f, sets), nil
	case *format.H265:
		if f.MaxDONDiff > 0 {
			return ingest.RTPConfig{}, errors.New("h265 with decoding order numbers")
		}
		sets := append(sprop(params["sprop-vps"], f.VPS), sprop(params["sprop-sps"], f.SPS)...)
		return video(media.H265, f, append(sets, sprop(params["sprop-pps"], f.PPS)...)), nil
	case *format.MPEG4Audio:
		p, err := ingest.AACPayload(f)
		if err != nil {
			return ingest.RTPConfig{}, err
		}
		return audio(f, words.clock, verbatim(f.Config, params["config"]), p)
	case *format.MPEG4AudioLATM:
		p, err := ingest.LATMPayload(f)
		if err != nil {
			return ingest.RTPConfig{}, err
		}
		var asc []byte
		if f.StreamMuxConfig != nil {
			asc = verbatim(f.StreamMuxConfig.Programs[0].Layers[0].AudioSpecificConfig, "")
		}
		return audio(f, words.clock, asc, p)
	}
	return ingest.RTPConfig{}, errors.New(codecName(f))
}

func video(codec media.Codec, f format.Format, sets [][]byte) ingest.RTPConfig {
	return ingest.RTPConfig{Track: ingest.TrackConfig{
		Codec: codec, Timescale: uint32(f.ClockRate()), ParameterSets: sets,
	}}
}

// audio is an AAC track. RTP times run at the clock of the rtpmap (RFC 8866, 6.6),
// whatever rates the configuration has; should a sender have meant another one of
// them, its first times tell. The track's timescale is no coarser than the core's
// rate, so that a frame is a whole number of ticks.
func audio(f format.Format, clock uint32, asc []byte, p ingest.AudioPayload) (ingest.RTPConfig, error) {
	if clock == 0 { // what gortsplib reads from the configuration
		clock = clockRate(f.RTPMap())
	}
	if clock == 0 {
		return ingest.RTPConfig{}, errors.New("aac without a sample rate")
	}
	c := ingest.RTPConfig{Audio: p, Track: ingest.TrackConfig{Codec: media.AAC, Timescale: clock}}
	if asc == nil { // it is in the stream
		return c, nil
	}
	c.Track.ParameterSets = [][]byte{asc}
	a, err := codec.ReadAAC(asc)
	if err != nil {
		return c, fmt.Errorf("aac: %w", err)
	}
	core := uint32(a.CoreRate)
	c.Clock, c.Track.Timescale = clock, max(clock, core)
	for _, other := range [...]uint32{core, uint32(a.Rate), 2 * core, 90000} {
		if other != clock {
			c.OtherClocks = append(c.OtherClocks, other)
		}
	}
	return c, nil
}

// codecName is as the session description spells it, in lower case.
func codecName(f format.Format) string {
	name, _, _ := strings.Cut(f.RTPMap(), "/")
	if name == "" {
		return fmt.Sprintf("payload type %d", f.PayloadType())
	}
	return strings.ToLower(name)
}

// sprop decodes a list of parameter sets. gortsplib reads the first of a kind
// only, which is what is left where the list is not to be had.
func sprop(list string, otherwise ...[]byte) [][]byte {
	var out [][]byte
	for item := range strings.SplitSeq(list, ",") {
		nal, err := base64.StdEncoding.DecodeString(strings.TrimSpace(item))
		if nal = trimStartCode(nal); err == nil && len(nal) > 0 {
			out = append(out, nal)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, nal := range otherwise {
		if len(nal) > 0 {
			out = append(out, nal)
		}
	}
	return out
}

func trimStartCode(nal []byte) []byte {
	for len(nal) > 3 && nal[0] == 0 && nal[1] == 0 && (nal[2] == 1 || nal[2] == 0) {
		if nal[2] == 1 {
			return nal[3:]
		}
		nal = nal[1:]
	}
	return nal
}

// verbatim is the AudioSpecificConfig as it was sent: written anew from what the
// parser understood, an extension at its end would be lost.
func verbatim(parsed *mpeg4audio.AudioSpecificConfig, sent string) []byte {
	if raw, err := hex.DecodeString(sent); err == nil && len(raw) >= 2 {
		return raw
	}
	asc, err := parsed.Marshal()
	if err != nil {
		return nil
	}
	return asc
}
