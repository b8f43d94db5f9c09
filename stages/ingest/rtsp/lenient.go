package rtsp

import (
	"bytes"
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

// readable is a session description as gortsplib reads it. Left alone, one track
// that it cannot read costs all others: encoders announce what they have no name
// for without an rtpmap, and cameras send broken parameters. In such a section first the parameters go, since parameter sets come
// in the stream too, and then the name of the codec becomes one that nobody
// knows. The number of sections stays, and so do the tracks' control addresses.
//
// H.264 in packetization mode 0, which is also what no mode means, gortsplib
// refuses where UDP is possible. It is part of what mode 1 allows (RFC 6184, 5.6)
// and what is read here: mode 1 is what is said.
func readable(sdp []byte) ([]byte, error) {
	head, sections := cutSections(sdp)
	whole, err := readDescription(sdp)
	out := bytes.Clone(head)
	for i, s := range sections {
		if err != nil {
			s, whole = readableSection(s)
			i = 0
		}
		if whole != nil && i < len(whole.Medias) {
			s = inMode1(s, whole.Medias[i])
		}
		out = append(out, s...)
	}
	return out, nil
}

// cutSections gives what comes before the first m= line, and each section from
// its m= line on.
func cutSections(sdp []byte) (head []byte, sections [][]byte) {
	at := mediaLine.FindAllIndex(sdp, -1)
	if len(at) == 0 {
		return sdp, nil
	}
	for i, from := range at {
		to := len(sdp)
		if i+1 < len(at) {
			to = at[i+1][0]
		}
		sections = append(sections, sdp[from[0]:to])
	}
	return sdp[:at[0][0]], sections
}

var (
	mediaLine  = regexp.MustCompile(`(?m)^m=`)
	formatList = regexp.MustCompile(`^m=\S+ \S+ \S+((?: +\d+)+)`)
	names      = regexp.MustCompile(`(?m)^a=rtpmap:(\d+) *([^/\s]+)`)
	kept       = regexp.MustCompile(`^(c=|a=control:|a=sendonly)`)
	modeLBR    = regexp.MustCompile(`(?mi)^(a=fmtp:.*[ ;]mode *= *)AAC-lbr`)
	mode0      = regexp.MustCompile(`(?mi)^(a=fmtp:.*packetization-mode *= *)0`)
)

// readableSection is the form of a section that can be read and says most.
func readableSection(section []byte) ([]byte, *description.Session) {
	for _, form := range [][]byte{section, inModeHBR(section), withoutParameters(section), withoutNames(section)} {
		if d, err := readDescription(append([]byte(plainHead), form...)); err == nil {
			return form, d
		}
	}
	return section, nil // gortsplib says what is wrong
}

const plainHead = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

func readDescription(sdp []byte) (*description.Session, error) {
	var d description.Session
	ssd, err := sdpunmarshaler.Unmarshal(sdp)
	if err == nil {
		err = d.Unmarshal2(ssd)
	}
	return &d, err
}

// inModeHBR says of AAC in mode AAC-lbr that it is in AAC-hbr, which gortsplib
// reads: the modes differ in the widths of fields, which are parameters of their
// own (RFC 3640, 3.3.5 and 3.3.6).
func inModeHBR(section []byte) []byte { return modeLBR.ReplaceAll(section, []byte("${1}AAC-hbr")) }

// withoutParameters keeps the m= line, the codecs' names and the address.
func withoutParameters(section []byte) []byte {
	var out []byte
	for line := range bytes.Lines(section) {
		if len(out) == 0 || names.Match(line) || kept.Match(line) {
			out = append(out, line...)
		}
	}
	return out
}

// withoutNames gives every payload type a name that no parser knows, and that
// tells a person what it was.
func withoutNames(section []byte) []byte {
	list := formatList.FindSubmatch(section)
	if list == nil {
		return section
	}
	said := map[string]string{}
	for _, m := range names.FindAllSubmatch(section, -1) {
		said[string(m[1])] = "unreadable-" + string(m[2])
	}
	var out []byte
	for line := range bytes.Lines(section) {
		if len(out) == 0 || kept.Match(line) {
			out = append(out, line...)
		}
	}
	for _, pt := range strings.Fields(string(list[1])) {
		out = addLine(out, "a=rtpmap:"+pt+" "+cmp.Or(said[pt], "unnamed-"+pt)+"/90000")
	}
	return out
}

// inMode1 says packetization mode 1 of H.264 that says 0, or nothing.
func inMode1(section []byte, m *description.Media) []byte {
	done := map[uint8]bool{}
	for _, f := range m.Formats {
		h, is := f.(*format.H264)
		if !is || h.PacketizationMode != 0 || done[h.PayloadTyp] {
			continue
		}
		done[h.PayloadTyp] = true
		fmtp := "a=fmtp:" + strconv.Itoa(int(h.PayloadTyp)) + " "
		switch {
		case mode0.Match(section):
			section = mode0.ReplaceAll(section, []byte("${1}1"))
		case bytes.Contains(section, []byte(fmtp)):
			section = bytes.Replace(section, []byte(fmtp), []byte(fmtp+"packetization-mode=1; "), 1)
		default:
			section = addLine(bytes.Clone(section), fmtp+"packetization-mode=1")
		}
	}
	return section
}

func addLine(section []byte, line string) []byte {
	if !bytes.HasSuffix(section, []byte("\n")) {
		section = append(section, "\r\n"...)
	}
	return append(section, line+"\r\n"...)
}
