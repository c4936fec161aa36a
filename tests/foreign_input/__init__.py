"""Whatever others send is read without an exception that is not ours."""
