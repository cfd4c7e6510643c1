OBJ_fuzz_import_ripe_atlas := \
    $(patsubst %,$(B)/collector/import_ripe_atlas_%.o,dns error ping question result traceroute values)
LIBS_fuzz_import_ripe_atlas := -lm
