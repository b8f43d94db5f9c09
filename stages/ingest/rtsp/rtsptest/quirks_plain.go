package rtsptest

func init() {
	add(Quirk{Name: "good", Doc: "a camera as it should be"})
	add(Quirk{Name: "b-frames", Doc: "encoders rather than cameras", Clip: "b-frames"})
	add(Quirk{Name: "h265", Doc: "a good camera of H.265", Clip: H265})
	add(Quirk{Name: "basic", Doc: "old cameras: Basic alone", Auth: []string{"Basic"}})
	add(Quirk{Name: "digest", Doc: "most cameras: Digest without qop or algorithm", Auth: []string{"MD5"}})
}
