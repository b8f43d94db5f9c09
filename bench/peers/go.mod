module github.com/gospool/spool/bench/peers

go 1.26.0

require (
	github.com/Eyevinn/mp4ff v0.51.0
	github.com/bluenviron/mediacommon/v2 v2.9.5
	github.com/gospool/spool v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/abema/go-mp4 v1.7.3 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/reugn/go-streams v0.13.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
)

replace github.com/gospool/spool => ../..
