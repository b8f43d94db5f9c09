package rtsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtp"
)

// facts returns a line for each track of a description, and for each codec that is left out.
func facts(take []offer, leave []string) string {
	var out []string
	for _, o := range take {
		c := o.config
		s := fmt.Sprintf("%q %v %d", o.media.Control, c.Track.Codec, o.format.PayloadType())
		if c.Clock != 0 {
			s += fmt.Sprintf("/%d", c.Clock)
		}
		if n := len(c.Track.ParameterSets); n > 0 {
			s += fmt.Sprintf(" sets %d", n)
		}
		if c.DecodingOrder {
			s += " don"
		}
		if c.Track.Optional {
			s += " optional"
		}
		for _, other := range o.others {
			name := other.leave
			if name == "" {
				name = fmt.Sprint(other.config.Track.Codec)
				if n := len(other.config.Track.ParameterSets); n > 0 {
					name += fmt.Sprintf(" sets %d", n)
				}
			} else {
				name = "-" + name
			}
			s += fmt.Sprintf(" or %s %d", name, other.format.PayloadType())
		}
		out = append(out, s)
	}
	for _, codec := range leave {
		out = append(out, "- "+codec)
	}
	return strings.Join(out, "\n")
}

// cameras are descriptions of real cameras and encoders, shortened and with other addresses. Bare line feeds stand
// for their line ends.
var cameras = []struct{ name, sdp, want string }{
	{"a head without o= addresses and t=, and c=IN alone", `v=0
o=- 1001 1 IN
s=VCP IPC Realtime stream
m=video 0 RTP/AVP 105
c=IN
a=control:rtsp://192.0.2.1/media/video1/video
a=rtpmap:105 H264/90000
a=fmtp:105 profile-level-id=640032; packetization-mode=1; sprop-parameter-sets=Z2QAMqw7UBQAWtCAAAH0AABhqEI=,aOqPLA==
a=recvonly
m=application 0 RTP/AVP 107
c=IN
a=control:rtsp://192.0.2.1/media/video1/metadata
a=rtpmap:107 vnd.onvif.metadata/90000
a=fmtp:107 DecoderTag=h3c-v3 RTCP=0
a=recvonly
`, `"rtsp://192.0.2.1/media/video1/video" h264 105/90000 sets 2
"rtsp://192.0.2.1/media/video1/metadata" onvif 107/90000`},
	{"no head at all", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=control:trackID=0", `"trackID=0" h264 96/90000`},
	{"a negative port and a broken address", "v=0\no=- 0 0 IN IP4 192.0.2.1\ns=x\nt=0 0\nm=video -1353744643 RTP/AVP 96\nc=IN IP4 '&\xb3\xd8\na=rtpmap:96 H264/90000\na=control:t\n",
		`"t" h264 96/90000`},
	{"a section of its own kind with smart payload types", `v=0
o=- 14665860 31787219 1 IN IP4 192.0.2.1
s=Session streamed by "TP-LINK RTSP Server"
t=0 0
m=video 0 RTP/AVP 96
c=IN IP4 0.0.0.0
b=AS:4096
a=range:npt=0-
a=control:track1
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1; profile-level-id=640016; sprop-parameter-sets=Z2QAFqzGoCgPaEAAAAMAQAAAB6E=,aOqPLA==
m=audio 0 RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=control:track2
m=application/TP-LINK 0 RTP/AVP smart/1/90000
a=rtpmap:95 TP-LINK/90000
a=control:track3
`, `"track1" h264 96/90000 sets 2
"track2" lpcm 8/8000 sets 1
- tp-link`},
	{"parameters of a payload type that is not listed", `v=0
o=- 1109162014219182 0 IN IP4 0.0.0.0
s=HIK Media Server V5.03.010
i=HIK Media Server Session Description : standard
e=NONE
c=IN IP4 0.0.0.0
b=AS:2080
t=0 0
a=control:*
a=range:npt=now-
m=video 0 RTP/AVP 96
i=Video Media
a=recvonly
a=control:trackID=video
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=4D0014;packetization-mode=0
m=audio 0 RTP/AVP 104
i=Audio Media
a=recvonly
a=control:trackID=audio
a=rtpmap:104 MPEG4-GENERIC/16000
a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408
a=Media_header:MEDIAINFO=494D4B48020100000400000101200210401F0000;
a=appversion:1.0
`, `"trackID=video" h264 96/90000
"trackID=audio" aac 104/16000 sets 1`},
	{"a codec of a payload type that is not listed beside the one that is", `m=video 0 RTP/AVP 35
a=rtpmap:35 H264/90000
a=rtpmap:102 H265/90000
a=fmtp:35 packetization-mode=1;profile-level-id=4d4028;sprop-parameter-sets=Z01AKI2NYDwBE/LgLcBDQECA,aO44gA==
`, `"" h264 35/90000 sets 2 or h265 102`},
	{"a codec of a payload type that is not listed, and none of the one that is", "m=video 0 RTP/AVP 96\na=rtpmap:97 H264/90000\na=fmtp:97 sprop-parameter-sets=Z01AKI2NYDwBE/LgLcBDQECA,aO44gA==\n",
		`"" h264 96/90000 sets 2 or h264 sets 2 97`},
	{"no origin, and base64 of its own", `v=0
s=streamed by the macro-video rtsp server
t=0 0
a=control:*
a=range:npt=0-
c=IN IP4 0.0.0.0
m=video 0 RTP/AVP 96
b=AS:500
a=rtpmap:96 H264/90000
a=fmtp:96 profile-level-id=TeAo;packetization-mode=1;sprop-parameter-sets=J03gKI1oBQBboQAAAwABAAADACgPFCKg,KO4BNJI=
a=control:track1
`, `"track1" h264 96/90000 sets 2`},
	{"a blank behind the clock, and two frame rates", `v=0
o=- 38990265062388 38990265062388 IN IP4 192.0.2.1
s=RTSP Session
c=IN IP4 192.0.2.1
t=0 0
a=control:*
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000 
a=range:npt=0-
a=framerate:0S
a=fmtp:96 profile-level-id=4d0020; packetization-mode=1; sprop-parameter-sets=J00AII1qBQB5oQAAAwABAAADACiE,KO48gA==
a=framerate:25
a=control:trackID=1
`, `"trackID=1" h264 96/90000 sets 2`},
	{"start codes before the parameter sets", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;profile-level-id=000001;sprop-parameter-sets=AAAAAUdNAB+ZsBQBboQAAA+gAAF3AhA=,AAAAAUjqQ8g=\n",
		`"" h264 96/90000 sets 2`},
	{"H.265 with parameters of H.264 that are empty", "m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 profile-level-id=420029; packetization-mode=1; sprop-parameter-sets=\n",
		`"" h265 96/90000`},
	{"H.265 without a VPS and with half a PPS", "m=video 0 RTP/AVP 96\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-sps=QgECAWAAAAMAgAAAAwAAAwB4AACgA8CAEOf42td2pu7muVVgLcBAQEEAAAMD6AAAH0ByHe5RAHpgAIm8APTAARN4QB6YACJvAD0wAETeIA==; sprop-pps=RAHBcrCcFApiQAAA\n",
		`"" h265 96/90000 sets 2`},
	{"all sections the camera's own way", "m=video 0 RTP/AVP 96\na=sendonly\na=rtpmap:96 H264/90000\na=control:rtsp://192.0.2.1/video=video1\n", `"rtsp://192.0.2.1/video=video1" h264 96/90000`},
	{"a back channel", `m=video 0 RTP/AVP 96
a=control:video
a=rtpmap:96 H264/90000
a=recvonly
m=audio 0 RTP/AVP 97
a=control:audio
a=rtpmap:97 mpeg4-generic/16000/1
a=fmtp:97 mode=AAC-hbr; config=1408
a=recvonly
m=audio 0 RTP/AVP 98
a=control:backchannel
a=rtpmap:98 mpeg4-generic/16000/1
a=fmtp:98 mode=AAC-hbr; config=1408
a=sendonly
`, `"video" h264 96/90000
"audio" aac 97/16000 sets 1`},
	{"a back channel of twenty formats", `m=video 0 RTP/AVP 96
a=control:trackID=0
a=rtpmap:96 H264/90000
a=recvonly
m=audio 0 RTP/AVP 116 115 114 113 112 111 110 109 108 97 107 106 105 104 0 103 102 101 100 8
a=control:trackID=5
a=rtpmap:116 MPEG4-GENERIC/64000
a=rtpmap:0 PCMU/8000
a=sendonly
`, `"trackID=0" h264 96/90000`},
	{"sound that may be a back channel or not", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/16000/1\na=fmtp:97 mode=AAC-hbr;config=1408\na=sendonly\n",
		"\"\" h264 96/90000\n\"\" aac 97/16000 sets 1 optional"},
	{"many formats of video", "m=video 0 RTP/AVP 96 97 98 100 103\na=rtpmap:96 MP4V-ES/90000\na=rtpmap:97 MP4V-ES/90000\na=rtpmap:98 H264/90000\na=fmtp:98 packetization-mode=0;sprop-parameter-sets=Z01AKI2NYDwBE/LgLcBDQECA,aO44gA==\na=rtpmap:100 H264/90000\na=rtpmap:103 rtx/90000\na=control:rtsp://192.0.2.1/sid=96&overlay=on\n",
		`"rtsp://192.0.2.1/sid=96&overlay=on" mpeg4 96/90000 or mpeg4 97 or h264 sets 2 98 or h264 sets 2 100`},
	{"LATM at the sample rate", "m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000\na=fmtp:96 cpresent=1\n", `"" aac 96`},
	{"LATM with a configuration that does not say where it is", "m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/24000/2\na=fmtp:96 object=2; config=400026203fc0\n", `"" aac 96/24000 sets 1`},
	{"a static payload type without an rtpmap, and an empty fmtp", "m=video 0 RTP/AVP 26\na=fmtp:26 \na=control:track1\n", `"track1" mjpeg 26/90000`},
	{"an application without an rtpmap, first", "m=application 42508 RTP/AVP 107\nb=AS:8\na=control:m\nm=video 0 RTP/AVP 97\na=rtpmap:97 H264/90000\na=control:v\n", "\"v\" h264 97/90000\n- unnamed-107"},
	{"an encrypted section", "m=video 0 RTP/SAVP 96\na=rtpmap:96 H264/90000\na=key-mgmt:mikey AQAVgM0H\nm=audio 0 RTP/AVP 97\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\na=rtpmap:97 mpeg4-generic/16000/1\n",
		"- video, encrypted (SRTP)\n- audio, encrypted (SRTP)"},
	{"encrypted sections whose key is in the description", "m=video 0 RTP/SAVP 96\na=crypto:1 AES_256 inline:abc\na=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:5yQlV6XBpXYqEhsRoCs2OH+GujtAjltr3K6GPpyY\na=rtpmap:96 H264/90000\nm=audio 0 RTP/SAVP 97\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:5yQlV6XBpXYqEhsRoCs2OH+GujtAjltr3K6GPpyY|2^20|1:4\na=rtpmap:97 mpeg4-generic/16000/1\n",
		"\"\" h264 96/90000\n- audio, encrypted (SRTP)"},
	{"a line that ran into the next", "v=0\no=- 0 0 IN IP4 192.0.2.1\ns=Session\na=control:rtsp://192.0.2.1:3297/streams/videoa=recvonly\na=range:clock=20200908T132728Z-20200909T030844Z;clock=20200909T031019Z-20200909T103133Z\nm=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z00AHpY1QWh7TcBAQECA,aO48gA==\n",
		`"" h264 96/90000 sets 2`},
}

func TestCamerasAsTheyAre(t *testing.T) {
	for _, c := range cameras {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, facts(offered(rtp.Options{}).sort(read(t, c.sdp))))
			require.Equal(t, c.want, facts(offered(rtp.Options{}).sort(read(t, strings.ReplaceAll(c.sdp, "\n", "\r\n")))))
		})
	}
}

// A section with a fault in each of its lines, in every known spelling of a fault, between two correct ones.
func TestABrokenSectionCostsNoOther(t *testing.T) {
	const before = "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 mode=AAC-hbr;config=1190\na=control:a\n"
	const after = "m=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\na=control:z\n"
	const rest = "a=control:v\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1\n"
	good := `"v" h264 96/90000`
	for name, c := range map[string]struct{ section, want string }{
		"port out of range":           {"m=video 70000 RTP/AVP 96\n" + rest, good},
		"negative port":               {"m=video -1 RTP/AVP 96\n" + rest, good},
		"enormous port":               {"m=video 99999999999999999999 RTP/AVP 96\n" + rest, good},
		"port as text":                {"m=video rtp RTP/AVP 96\n" + rest, good},
		"number of ports":             {"m=video 49170/2 RTP/AVP 96\n" + rest, good},
		"number of ports as text":     {"m=video 49170/x RTP/AVP 96\n" + rest, good},
		"no port":                     {"m=video RTP/AVP 96\n" + rest, good},
		"lower case protocol":         {"m=video 0 rtp/avp 96\n" + rest, good},
		"other protocol":              {"m=video 0 RTP/AVP/UDP 96\n" + rest, good},
		"unknown protocol":            {"m=video 0 QRTP/X 96\n" + rest, good},
		"kind in capitals":            {"m=Video 0 RTP/AVP 96\n" + rest, good},
		"blanks":                      {"m=video  0\tRTP/AVP   96 \n" + rest, good},
		"a format that is no number":  {"m=video 0 RTP/AVP x 96 -1 300 *\n" + rest, good},
		"the format twice":            {"m=video 0 RTP/AVP 96 96 96\n" + rest, good},
		"no format":                   {"m=video 0 RTP/AVP\n" + rest, good},
		"kind only":                   {"m=video\n" + rest, good},
		"nothing":                     {"m=\n" + rest, "- h264"},
		"nothing, nor any line":       {"m=\n", "- unnamed-96"},
		"unknown kind":                {"m=foo 0 RTP/AVP 96\n" + rest, "- h264"},
		"metadata":                    {"m=metadata 0 RTP/AVP 96\na=control:v\n", "- unnamed-96"},
		"text":                        {"m=text 0 RTP/AVP 96\na=rtpmap:96 t140/1000\n", "- t140"},
		"application without RTP":     {"m=application 9 TCP/WSP *\n", "- unnamed-96"},
		"line without =":              {"m=video 0 RTP/AVP 96\nxyz\na\n=\n" + rest, good},
		"lines of unknown keys":       {"m=video 0 RTP/AVP 96\nx=1\n?=2\n" + rest, good},
		"bandwidth":                   {"m=video 0 RTP/AVP 96\nb=what\nb=AS:x\nb=\n" + rest, good},
		"connection":                  {"m=video 0 RTP/AVP 96\nc=\nc=IN\nc=IN IP4\nc=SM IP9 x\n" + rest, good},
		"mid":                         {"m=video 0 RTP/AVP 96\na=mid:a b\n" + rest, good},
		"key management":              {"m=video 0 RTP/AVP 96\na=key-mgmt:prot 1\n" + rest, "- video, encrypted (SRTP)"},
		"rtpmap without payload type": {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:H264/90000\n", good},
		"rtpmap without clock":        {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 H264\n", good},
		"rtpmap with clock 0":         {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 H264/0\n", good},
		"rtpmap with a clock of text": {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 H264/fast\n", good},
		"rtpmap with channels":        {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 H264/90000/1\n", good},
		"rtpmap in lower case":        {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 h264/90000\n", good},
		"rtpmap with blanks":          {"m=video 0 RTP/AVP 96\na=control: v\na=rtpmap: 96   H264 / 90000 \n", good},
		"rtpmap with tabs":            {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96\tH264/90000\n", good},
		"rtpmap without a blank":      {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96H264/90000\n", good},
		"rtpmap of an unregistered":   {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 x-h264/90000\n", good},
		"rtpmap of another clock":     {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 H264/1000\n", `"v" h264 96/1000`},
		"HEVC":                        {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 HEVC/90000\n", `"v" h265 96/90000`},
		"attribute in capitals":       {"m=video 0 RTP/AVP 96\nA=foo\na=Control:v\na=RTPMAP:96 H264/90000\n", good},
		"fmtp before rtpmap":          {"m=video 0 RTP/AVP 96\na=control:v\na=fmtp:96 sprop-parameter-sets=aO44gA==\na=rtpmap:96 H264/90000\n", good + " sets 1"},
		"two fmtp":                    {"m=video 0 RTP/AVP 96\n" + rest + "a=fmtp:96 sprop-parameter-sets=aO44gA\n", good + " sets 1"},
		"fmtp without values":         {"m=video 0 RTP/AVP 96\n" + rest + "a=fmtp:96\na=fmtp:\na=fmtp\na=fmtp:96 ;;=;x=;=y\n", good},
		"fmtp in quotes":              {"m=video 0 RTP/AVP 96\n" + rest + "a=fmtp:96 Sprop-Parameter-Sets = \"aO44gA==\"\n", good + " sets 1"},
		"broken sprop":                {"m=video 0 RTP/AVP 96\n" + rest + "a=fmtp:96 sprop-parameter-sets=!!,aO44gA==,,\n", good + " sets 1"},
		"mode as text":                {"m=video 0 RTP/AVP 96\n" + rest + "a=fmtp:96 packetization-mode=x\n", good},
		"interleaved mode":            {"m=video 0 RTP/AVP 96\n" + rest + "a=fmtp:96 packetization-mode=2\n", good + " don"},
		"decoding order numbers":      {"m=video 0 RTP/AVP 96\na=control:v\na=rtpmap:96 H265/90000\na=fmtp:96 sprop-max-don-diff=3\n", `"v" h265 96/90000 don`},
		"payload type 35":             {"m=video 0 RTP/AVP 35\na=control:v\na=rtpmap:35 H264/90000\n", `"v" h264 35/90000`},
		"payload type of RTCP":        {"m=video 0 RTP/AVP 72\na=control:v\na=rtpmap:72 H264/90000\n", `"v" h264 72/90000`},
		"payload type of sound":       {"m=video 0 RTP/AVP 0\na=control:v\na=rtpmap:0 H264/90000\n", `"v" h264 0/90000`},
		"payload type of JPEG":        {"m=video 0 RTP/AVP 26\na=control:v\na=rtpmap:26 H265/90000\n", `"v" h265 26/90000`},
		"payload type above 127":      {"m=video 0 RTP/AVP 200\na=control:v\na=rtpmap:200 H264/90000\n", "- unnamed-96"},
		"static without rtpmap":       {"m=audio 0 RTP/AVP 3 0 8\na=control:v\n", `"v" lpcm 0/8000 sets 1 or -gsm 3 or lpcm sets 1 8`},
		"static MP3":                  {"m=audio 0 RTP/AVP 14\na=control:v\n", `"v" mp3 14/90000`},
		"no control":                  {"m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\n", `"" h264 96/90000`},
		"empty control":               {"m=video 0 RTP/AVP 96\na=control:\na=rtpmap:96 H264/90000\n", `"" h264 96/90000`},
		"two controls":                {"m=video 0 RTP/AVP 96\n" + rest + "a=control:w\n", good},
		"a star for control":          {"m=video 0 RTP/AVP 96\na=control:*\na=rtpmap:96 H264/90000\n", `"*" h264 96/90000`},
		"a control with a query":      {"m=video 0 RTP/AVP 96\na=control:rtsp://u:p@h:99/a?b=c&d=/trackID=1\na=rtpmap:96 H264/90000\n", `"rtsp://u:p@h:99/a?b=c&d=/trackID=1" h264 96/90000`},
		"a section said twice":        {"m=video 0 RTP/AVP 96\n" + rest + "m=video 0 RTP/AVP 96\n" + rest, good},
		"two tracks of one kind":      {"m=video 0 RTP/AVP 96\n" + rest + "m=video 0 RTP/AVP 96\na=control:w\na=rtpmap:96 H264/90000\n", good + "\n" + `"w" h264 96/90000`},
		"inactive":                    {"m=video 0 RTP/AVP 96\na=inactive\n" + rest, good + " optional"},
		"several formats":             {"m=video 0 RTP/AVP 96 99\n" + rest + "a=rtpmap:99 H265/90000\n", good + " or h265 99"},
		"sound in several formats":    {"m=audio 0 RTP/AVP 0 96\na=control:v\na=rtpmap:96 MPEG4-Generic/16000\na=fmtp:96 config=1408;sizelength=13\n", `"v" lpcm 0/8000 sets 1 or aac sets 1 96`},
		"what only goes with it":      {"m=video 0 RTP/AVP 96 99 100\n" + rest + "a=rtpmap:99 rtx/90000\na=fmtp:99 apt=96\na=rtpmap:100 ulpfec/90000\n", good},
		"AAC without its widths":      {"m=audio 0 RTP/AVP 96\na=control:v\na=rtpmap:96 mpeg4-generic/16000/1\na=fmtp:96 config=1408\n", "- unreadable-mpeg4-generic"},
		"AAC without a clock":         {"m=audio 0 RTP/AVP 96\na=control:v\na=rtpmap:96 mpeg4-generic\na=fmtp:96 mode=AAC-hbr;config=1408\n", `"v" aac 96/16000 sets 1`},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			left := ""
			for line := range strings.SplitSeq(c.want, "\n") {
				if strings.HasPrefix(line, "- ") {
					left += "\n" + line
				} else {
					want = append(want, line)
				}
			}
			all := append([]string{`"a" aac 97/48000 sets 1`}, append(want, `"z" h265 98/90000`)...)
			d, sdp := read(t, before+c.section+after)
			require.Equal(t, strings.Join(all, "\n")+left, facts(announced(rtp.Options{}).sort(d, sdp)))
			require.Equal(t, strings.Count("\n"+before+c.section+after, "\nm="), len(d.Medias))
		})
	}
}

// The text around the sections.
func TestHeadsAndEndsAsTheyAre(t *testing.T) {
	const v0, body = "v=0\r\n", "m=video 0 RTP/AVP 96\r\na=control:v\r\na=rtpmap:96 H264/90000\r\n"
	for name, sdp := range map[string]string{
		"nothing":                    body,
		"version":                    "v=1\r\n" + body,
		"origin of blanks":           v0 + "o= a b c d e f g\r\n" + body,
		"origin of two fields":       v0 + "o=- 1\r\n" + body,
		"several origins and names":  v0 + "o=- 0 0 IN IP4 h\r\no=x\r\ns=\r\ns=a\r\ns\r\n" + body,
		"times":                      v0 + "t=\r\nt=now-\r\nt=1\r\nr=x\r\nz=1\r\n" + body,
		"unknown lines":              v0 + "w=1\r\nhello\r\n\r\n\r\n" + body,
		"bare line feeds":            strings.ReplaceAll(v0+body, "\r", ""),
		"bare carriage returns":      strings.ReplaceAll(v0+body, "\n", ""),
		"line feed before carriage":  strings.ReplaceAll(v0+body, "\r\n", "\n\r"),
		"no end of line":             strings.TrimSpace(v0 + body),
		"NULs at the end":            v0 + body + strings.Repeat("\x00", 100),
		"NULs and blanks at the end": v0 + body + " \t\r\n\x00 \n",
		"a NUL in the head":          v0 + "s=cam\x00\r\n" + body,
		"blanks before lines":        "  v=0\r\n  " + strings.ReplaceAll(body, "\r\n", "\r\n \t"),
		"byte order mark":            "\xef\xbb\xbf" + v0 + body,
		"a tail of packets":          v0 + body + "$\x00\x00\x10\x80\x60\xff\xffabc",
		"a tail of a request":        v0 + body + "OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 3\r\n\r\n",
		"half a line at the end":     v0 + body + "a=rtpm",
		"half an rtpmap at the end":  v0 + body + "a=rtpmap:9",
		"broken controls":            v0 + "a=control:\r\na=control:rtsp://%zz\r\na=control:x y\r\n" + body,
		"groups":                     v0 + "a=group:FEC a b\r\na=group:\r\n" + body,
		"key management":             v0 + "a=key-mgmt:x\r\n" + body,
		"one way":                    v0 + "a=sendonly\r\n" + body,
		"no way":                     v0 + "a=inactive\r\n" + body,
	} {
		t.Run(name, func(t *testing.T) {
			want := `"v" h264 96/90000`
			require.Equal(t, want, facts(offered(rtp.Options{}).sort(read(t, sdp))))
			require.Equal(t, want, facts(announced(rtp.Options{}).sort(read(t, sdp))))
		})
	}
}

func TestControlOfTheSessionStays(t *testing.T) {
	for said, want := range map[string]string{
		"a=control:rtsp://h/live/\n": "a=control:rtsp://h/live/\r\n", "a=control:*\n": "", "a=control:track\n": "", "": "",
	} {
		_, out := read(t, said+"m=video 0 RTP/AVP 96\n")
		require.Contains(t, string(out), "t=0 0\r\n"+want+"m=video")
	}
}

// The size of JPEG pictures is a parameter of their format, whichever attribute gives it.
func TestTheSizeOfJPEGPicturesStays(t *testing.T) {
	const video = "m=video 0 RTP/AVP 26\n"
	for said, want := range map[string]string{
		"a=x-dimensions:2592,1944\n": "a=fmtp:26 dimensions=2592,1944\r\n", "a=framesize:26 320-180\n": "a=fmtp:26 dimensions=320,180\r\n", "": "",
	} {
		_, out := read(t, video+said)
		require.Contains(t, string(out), "a=rtpmap:26 x-jpeg/90000\r\n"+want)
		_, again := read(t, string(out))
		require.Equal(t, string(out), string(again), "it is read as it was written")
	}
	_, out := read(t, "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=framesize:96 320-180\n")
	require.NotContains(t, string(out), "fmtp")
	_, out = read(t, "a=x-dimensions:2592,1944\n"+video)
	require.NotContains(t, string(out), "fmtp")
}

func TestRecognizedDescriptions(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		want       bool
	}{
		{"application/sdp", "v=0\r\n", true},
		{"Application/SDP", "v=0\r\n", true},
		{"application/sdp; charset=utf-8", "v=0\r\n", true},
		{" application/sdp ", "", true},
		{"text/plain", "v=0\r\nm=video 0 RTP/AVP 96\r\n", true},
		{"", "v=0\r\n", true},
		{"", "\xef\xbb\xbfv=0\r\n", true},
		{"", "\r\n m=video 0 RTP/AVP 96", true},
		{"", "o=- 0 0 IN IP4 h\n", true},
		{"text/html", "<html>a=b</html>", false},
		{"text/parameters", "packets_received\r\n", false},
		{"text/parameters", "volume=3\r\n", false},
		{"", "", false},
		{"", "v", false},
	} {
		header := base.Header{}
		if c.kind != "" {
			header["Content-Type"] = base.HeaderValue{c.kind}
		}
		require.Equal(t, c.want, isDescription(header, []byte(c.body)), "%q %q", c.kind, c.body)
	}
}
