// Package codec reads and writes the formats of each codec of pictures and sound, whether the bytes come from a
// session description, a stream or a file. It decodes no picture. Outside this package, code that depends on a
// track's codec is only in tables of the protocols, which have a row for each codec.
//
// # Adding a codec
//
// One file here registers it, with its sample entry and its codecs parameter: h264.go, aac.go and lpcm.go are
// examples. Each protocol that carries the codec then needs a row in its table: for RTP, which RTSP and WebRTC share,
// stages/ingest/rtp/codecs.go, with a depacketizer if the payload of a packet is not a frame. The tests of package
// cmd/spool/newcodec add codecs in this way.
//
// The packages below this one read bit streams, and do not know the registered codecs: bitstream reads and writes
// bits, nalunit describes codecs with NAL units, and h264 and h265 read theirs.
//
// # Units
//
// An access unit of a codec is either a list of NAL units or one frame. NAL units may include parameter sets.
// Ingest assembles pictures from NAL units with the functions of NAL; it stores a frame unchanged.
package codec
