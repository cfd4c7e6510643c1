LIBS_test_histogram := -lm
OBJ_test_import_json_stream := $(B)/collector/import_json_stream.o
OBJ_test_import_ripe_atlas := $(B)/collector/import_ripe_atlas_dns.o
LIBS_test_import_ripe_atlas := -lm
OBJ_test_listen := $(B)/collector/listen_answer.o $(B)/collector/listen_peers.o
LIBS_test_listen := -lmicrohttpd
