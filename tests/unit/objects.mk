LIBS_test_histogram := -lm
