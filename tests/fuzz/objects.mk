OBJ_fuzz_import_ripe_atlas := $(B)/collector/import_ripe_atlas_dns.o
LIBS_fuzz_import_ripe_atlas := -lm
